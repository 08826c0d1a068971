/* A stand-in for NVIDIA's libnvidia-ml.so.1, of those functions that vbench and PyTorch call, for tests without a GPU.

   Two GPUs, at the PCI addresses 0000:3B:00.0 and 0000:AF:00.0. What the second one answers is twice what the first does.
   The environment is read at each call: STANDIN_<function>=<code> makes a function return that error, and STANDIN_CLOCK,
   STANDIN_REASONS, STANDIN_POWER, STANDIN_ENERGY, STANDIN_CAPABILITY, STANDIN_CUDA and STANDIN_PID set what is answered. STANDIN_MIG
   has a bit for each GPU that is cut into parts; without it neither knows of parts. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS 2
#define NOT_FOUND 6
#define INSUFFICIENT_SIZE 7

typedef struct { unsigned bus; char uuid[48]; char name[32]; } Gpu;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute; } Process;

static Gpu gpus[GPUS] = {
    {0x3B, "GPU-00000000-0000-0000-0000-00000000003b", "Stand-in A"},
    {0xAF, "GPU-00000000-0000-0000-0000-0000000000af", "Stand-in B"},
};

static int refusal(const char *function) {
    char key[96] = "STANDIN_";
    const char *code = getenv(strncat(key, function, sizeof key - 16));
    return code ? atoi(code) : 0;
}

static unsigned long long setting(const char *key, unsigned long long otherwise) {
    const char *text = getenv(key);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

#define ANSWER int code = refusal(__func__); if (code) return code
#define TIMES(gpu) (1u + (unsigned)((gpu) - gpus))

int nvmlInit(void) { ANSWER; return 0; }
int nvmlInitWithFlags(unsigned flags) { (void)flags; ANSWER; return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "stand-in error"; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { ANSWER; snprintf(text, size, "550.54.14"); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { ANSWER; *version = (int)setting("STANDIN_CUDA", 12040); return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { ANSWER; *count = GPUS; return 0; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Gpu **gpu) {
    ANSWER;
    if (index >= GPUS) return NOT_FOUND;
    *gpu = &gpus[index];
    return 0;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *address, Gpu **gpu) {
    unsigned domain, bus, device, function;
    ANSWER;
    if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4) return NOT_FOUND;
    for (*gpu = gpus; *gpu < gpus + GPUS; ++*gpu)
        if ((*gpu)->bus == bus && !domain && !device && !function) return 0;
    return NOT_FOUND;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Gpu **gpu) {
    ANSWER;
    for (*gpu = gpus; *gpu < gpus + GPUS; ++*gpu)
        if (!strcmp((*gpu)->uuid, uuid)) return 0;
    return NOT_FOUND;
}

int nvmlDeviceGetName(Gpu *gpu, char *text, unsigned size) { ANSWER; snprintf(text, size, "%s", gpu->name); return 0; }
int nvmlDeviceGetUUID(Gpu *gpu, char *text, unsigned size) { ANSWER; snprintf(text, size, "%s", gpu->uuid); return 0; }

int nvmlDeviceGetCudaComputeCapability(Gpu *gpu, int *major, int *minor) {
    unsigned long long both = setting("STANDIN_CAPABILITY", 80);
    (void)gpu;
    ANSWER;
    *major = (int)(both / 10);
    *minor = (int)(both % 10);
    return 0;
}

int nvmlDeviceGetClockInfo(Gpu *gpu, unsigned kind, unsigned *mhz) {
    ANSWER;
    if (kind != 1) return 2; /* the multiprocessors' clock is number 1 */
    *mhz = (unsigned)setting("STANDIN_CLOCK", 1000) * TIMES(gpu);
    return 0;
}

int nvmlDeviceGetTemperature(Gpu *gpu, unsigned sensor, unsigned *celsius) {
    (void)sensor;
    ANSWER;
    *celsius = 40u * TIMES(gpu);
    return 0;
}

int nvmlDeviceGetPowerUsage(Gpu *gpu, unsigned *milliwatts) {
    ANSWER;
    *milliwatts = (unsigned)setting("STANDIN_POWER", 150000) * TIMES(gpu);
    return 0;
}

int nvmlDeviceGetMigMode(Gpu *gpu, unsigned *current, unsigned *pending) {
    ANSWER;
    if (!getenv("STANDIN_MIG")) return 3; /* not supported, as most GPUs say */
    *current = *pending = (unsigned)(setting("STANDIN_MIG", 0) >> (gpu - gpus)) & 1u;
    return 0;
}

static int reasons(const char *function, unsigned long long *bits) {
    int code = refusal(function);
    *bits = setting("STANDIN_REASONS", 0);
    return code;
}

int nvmlDeviceGetCurrentClocksEventReasons(Gpu *gpu, unsigned long long *bits) { (void)gpu; return reasons(__func__, bits); }
int nvmlDeviceGetCurrentClocksThrottleReasons(Gpu *gpu, unsigned long long *bits) { (void)gpu; return reasons(__func__, bits); }

int nvmlDeviceGetTotalEnergyConsumption(Gpu *gpu, unsigned long long *millijoules) {
    ANSWER;
    *millijoules = setting("STANDIN_ENERGY", 5000) * TIMES(gpu);
    return 0;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Gpu *gpu, unsigned *count, Process *processes) {
    unsigned room = *count;
    ANSWER;
    *count = 2;
    if (!processes || room < 2) return INSUFFICIENT_SIZE;
    processes[0] = (Process){1, 7, 0, 0};
    processes[1] = (Process){(unsigned)setting("STANDIN_PID", 2), 100ull * TIMES(gpu) << 20, 0, 0};
    return 0;
}
