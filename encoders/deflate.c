// gzip's deflate by libdeflate, in blocks that follow one another in one stream.
//
// libdeflate makes a whole stream of what it is given. Its source is taken in here, with the last block's mark
// switched off (see `build`), so that a block can end as zlib's sync flush does: on a byte boundary, with an empty
// stored block. Whoever puts blocks together ends the stream with an empty last block.
#include <stdlib.h>
#include "lib/deflate_compress.c"

#define EXPORT(name) __attribute__((export_name(name)))

static struct libdeflate_compressor *compressor;
static u8 *input;
static u8 *output;
static size_t output_size;

enum { FLUSH_SIZE = 8 }; // what the empty stored block takes at the most, and what the bit buffer still has

// Room for blocks of up to `size` bytes; gives the place where a block has to lie, or 0.
EXPORT("open") u8 *open_encoder(int level, size_t size)
{
	compressor = libdeflate_alloc_compressor(level);
	if (!compressor)
		return NULL;
	output_size = libdeflate_deflate_compress_bound(compressor, size) + FLUSH_SIZE;
	output = malloc(output_size);
	input = malloc(size);
	return output ? input : NULL;
}

EXPORT("output") u8 *output_of_encoder(void)
{
	return output;
}

// Compresses the first `size` bytes of the input; gives the length of the output, or 0.
EXPORT("compress") size_t compress_block(size_t size)
{
	struct deflate_output_bitstream os = { .next = output, .end = output + output_size - FLUSH_SIZE };

	if (size > 0)
		compressor->impl(compressor, input, size, &os);
	if (os.overflow)
		return 0;
	// RFC 1951, 3.2.4: three bits say that a stored block follows that is not the last, up to the byte's end nothing
	// counts, then come its length and the complement of that.
	*os.next++ = os.bitbuf;
	if (os.bitcount > 5)
		*os.next++ = 0;
	put_unaligned_le32(0xFFFF0000, os.next);
	return os.next + 4 - output;
}
