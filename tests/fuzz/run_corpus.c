/* Runs a fuzz target over saved inputs when there is no libFuzzer: each file of the
 * folder named by the first argument, and always the empty input. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	static uint8_t bytes[1 << 20];
	size_t size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
}

int main(int count, char **arguments)
{
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	DIR *folder = count > 1 ? opendir(arguments[1]) : NULL;
	if (!folder)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_name[0] != '.')
			run_file(arguments[1], entry->d_name);
	closedir(folder);
	return 0;
}
