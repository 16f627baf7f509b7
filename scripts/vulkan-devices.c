/* Prints each Vulkan device of this machine, one a line: "cpu" or "gpu", then its name.
   Exits 1 where none answers. A manifest on disk does not mean that a driver works, so this asks the loader.
   The structures are written out because a machine without a driver has no Vulkan headers either. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

/* VkInstanceCreateInfo with nothing asked for; its sType is 1. */
typedef struct {
    uint32_t type;
    const void *next;
    uint32_t flags;
    const void *application;
    uint32_t layer_count;
    const char *const *layers;
    uint32_t extension_count;
    const char *const *extensions;
} InstanceInfo;

/* The head of VkPhysicalDeviceProperties, with room to spare for the limits that follow it. */
typedef struct {
    uint32_t api_version, driver_version, vendor, device, type;
    char name[256];
    uint64_t rest[512];
} Properties;

enum { MAX_DEVICES = 16, SUCCESS = 0, INCOMPLETE = 5, TYPE_CPU = 4 };

typedef int32_t (*CreateInstance)(const InstanceInfo *, const void *, void **);
typedef int32_t (*EnumerateDevices)(void *, uint32_t *, void **);
typedef void (*GetProperties)(void *, Properties *);

int main(void) {
    void *loader = dlopen("libvulkan.so.1", RTLD_NOW);
    if (!loader) return 1;
    CreateInstance create = (CreateInstance)dlsym(loader, "vkCreateInstance");
    EnumerateDevices enumerate = (EnumerateDevices)dlsym(loader, "vkEnumeratePhysicalDevices");
    GetProperties get_properties = (GetProperties)dlsym(loader, "vkGetPhysicalDeviceProperties");
    if (!create || !enumerate || !get_properties) return 1;

    InstanceInfo info = {.type = 1};
    void *instance = NULL;
    if (create(&info, NULL, &instance) != SUCCESS) return 1;

    void *devices[MAX_DEVICES];
    uint32_t count = MAX_DEVICES;
    int32_t result = enumerate(instance, &count, devices);
    if ((result != SUCCESS && result != INCOMPLETE) || count == 0) return 1;
    for (uint32_t i = 0; i < count; i++) {
        Properties device = {0};
        get_properties(devices[i], &device);
        printf("%s %s\n", device.type == TYPE_CPU ? "cpu" : "gpu", device.name);
    }
    return 0;
}
