/* SPDX-License-Identifier: ISC */
/* The floor of the start: the same on a bare libuv. */
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

static char bytes[256];

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
	*buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	if (n < 0)
		uv_close((uv_handle_t *)stream, NULL);
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	uv_pipe_t input;

	if (write(1, "hello\n", 6) != 6)
		return EXIT_FAILURE;
	uv_pipe_init(loop, &input, 0);
	uv_pipe_open(&input, 0);
	uv_read_start((uv_stream_t *)&input, on_alloc, on_read);
	return uv_run(loop, UV_RUN_DEFAULT);
}
