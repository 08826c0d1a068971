"""Papers that more than one file cites: a network in its own, and its contrasts among the blocks."""

from __future__ import annotations

from vbench import Paper

HORNIK = Paper(
    title="Multilayer feedforward networks are universal approximators",
    authors="Hornik, Stinchcombe, White",
    year=1989,
)
GOOGLENET = Paper(
    title="Going Deeper with Convolutions",
    authors="Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich",
    year=2014,
    link="https://arxiv.org/abs/1409.4842",
)
INCEPTION_V3 = Paper(
    title="Rethinking the Inception Architecture for Computer Vision",
    authors="Szegedy, Vanhoucke, Ioffe, Shlens, Wojna",
    year=2015,
    link="https://arxiv.org/abs/1512.00567",
)
INCEPTION_V4 = Paper(
    title="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    authors="Szegedy, Ioffe, Vanhoucke, Alemi",
    year=2016,
    link="https://arxiv.org/abs/1602.07261",
)
VGG = Paper(
    title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
    authors="Simonyan, Zisserman",
    year=2014,
    link="https://arxiv.org/abs/1409.1556",
)
NIN = Paper(
    title="Network In Network",
    authors="Lin, Chen, Yan",
    year=2013,
    link="https://arxiv.org/abs/1312.4400",
)
RESNET = Paper(
    title="Deep Residual Learning for Image Recognition",
    authors="He, Zhang, Ren, Sun",
    year=2015,
    link="https://arxiv.org/abs/1512.03385",
)
MOBILENET = Paper(
    title="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    authors="Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam",
    year=2017,
    link="https://arxiv.org/abs/1704.04861",
)
SQUEEZENET = Paper(
    title="SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    authors="Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer",
    year=2016,
    link="https://arxiv.org/abs/1602.07360",
)
RESNEXT = Paper(
    title="Aggregated Residual Transformations for Deep Neural Networks",
    authors="Xie, Girshick, Dollár, Tu, He",
    year=2016,
    link="https://arxiv.org/abs/1611.05431",
)
SHUFFLENET = Paper(
    title="ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
    authors="Zhang, Zhou, Lin, Sun",
    year=2017,
    link="https://arxiv.org/abs/1707.01083",
)
SPP = Paper(
    title="Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition",
    authors="He, Zhang, Ren, Sun",
    year=2014,
    link="https://arxiv.org/abs/1406.4729",
)
SQUEEZE_EXCITE = Paper(
    title="Squeeze-and-Excitation Networks",
    authors="Hu, Shen, Albanie, Sun, Wu",
    year=2017,
    link="https://arxiv.org/abs/1709.01507",
)
BATCH_NORM = Paper(
    title="Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
    authors="Ioffe, Szegedy",
    year=2015,
    link="https://arxiv.org/abs/1502.03167",
)
DEEPLAB = Paper(
    title="Rethinking Atrous Convolution for Semantic Image Segmentation",
    authors="Chen, Papandreou, Schroff, Adam",
    year=2017,
    link="https://arxiv.org/abs/1706.05587",
)
ESPNET = Paper(
    title="ESPNet: Efficient Spatial Pyramid of Dilated Convolutions for Semantic Segmentation",
    authors="Mehta, Rastegari, Caspi, Shapiro, Hajishirzi",
    year=2018,
    link="https://arxiv.org/abs/1803.06815",
)
ALL_CONVOLUTIONAL = Paper(
    title="Striving for Simplicity: The All Convolutional Net",
    authors="Springenberg, Dosovitskiy, Brox, Riedmiller",
    year=2014,
    link="https://arxiv.org/abs/1412.6806",
)
DEEPPOSE = Paper(
    title="DeepPose: Human Pose Estimation via Deep Neural Networks",
    authors="Toshev, Szegedy",
    year=2014,
    link="https://arxiv.org/abs/1312.4659",
)
SIMPLE_BASELINE = Paper(
    title="Simple Baselines for Human Pose Estimation and Tracking",
    authors="Xiao, Wu, Wei",
    year=2018,
    link="https://arxiv.org/abs/1804.06208",
)
INTEGRAL = Paper(
    title="Integral Human Pose Regression",
    authors="Sun, Xiao, Wei, Liang, Wei",
    year=2017,
    link="https://arxiv.org/abs/1711.08229",
)
OPENPOSE = Paper(
    title="Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
    authors="Cao, Simon, Wei, Sheikh",
    year=2017,
    link="https://arxiv.org/abs/1611.08050",
)
