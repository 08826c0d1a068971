"""Which network, engine and precision to take under limits: ranked, each as sure as its interval, and what the limits cost.

Pure readers of result files, without torch.
"""
