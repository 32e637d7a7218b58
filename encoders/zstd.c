// A zstd frame of each block, by zstd itself.
#include <stdlib.h>
#include "zstd.h"

#define EXPORT(name) __attribute__((export_name(name)))

static ZSTD_CCtx *context;
static void *input;
static void *output;
static size_t output_size;

// Room for blocks of up to `size` bytes; gives the place where a block has to lie, or 0.
EXPORT("open") void *open_encoder(int level, size_t size)
{
	context = ZSTD_createCCtx();
	if (!context || ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)))
		return NULL;
	output_size = ZSTD_compressBound(size);
	output = malloc(output_size);
	input = malloc(size);
	return output ? input : NULL;
}

EXPORT("output") void *output_of_encoder(void)
{
	return output;
}

// Compresses the first `size` bytes of the input; gives the length of the output, or 0.
EXPORT("compress") size_t compress_block(size_t size)
{
	size_t length = ZSTD_compress2(context, output, output_size, input, size);
	return ZSTD_isError(length) ? 0 : length;
}
