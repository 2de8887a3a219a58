/* SPDX-License-Identifier: ISC */
/*
 * content_types.h: the one table from the suffixes of keys to content types (the
 * registry of IANA's media types; RFC 9239 for JavaScript). Suffixes are in lower
 * case. Text is UTF-8 here, and says so.
 */
#define CONTENT_TYPES(X)                              \
	X("7z", "application/x-7z-compressed")        \
	X("aac", "audio/aac")                         \
	X("apng", "image/apng")                       \
	X("atom", "application/atom+xml")             \
	X("avif", "image/avif")                       \
	X("bin", "application/octet-stream")          \
	X("bmp", "image/bmp")                         \
	X("br", "application/x-brotli")               \
	X("c", "text/plain; charset=utf-8")           \
	X("css", "text/css; charset=utf-8")           \
	X("csv", "text/csv; charset=utf-8")           \
	X("eot", "application/vnd.ms-fontobject")     \
	X("epub", "application/epub+zip")             \
	X("flac", "audio/flac")                       \
	X("gif", "image/gif")                         \
	X("gz", "application/gzip")                   \
	X("h", "text/plain; charset=utf-8")           \
	X("htm", "text/html; charset=utf-8")          \
	X("html", "text/html; charset=utf-8")         \
	X("ico", "image/vnd.microsoft.icon")          \
	X("ics", "text/calendar; charset=utf-8")      \
	X("jpeg", "image/jpeg")                       \
	X("jpg", "image/jpeg")                        \
	X("js", "text/javascript; charset=utf-8")     \
	X("json", "application/json")                 \
	X("jsonld", "application/ld+json")            \
	X("jxl", "image/jxl")                         \
	X("m4a", "audio/mp4")                         \
	X("map", "application/json")                  \
	X("md", "text/markdown; charset=utf-8")       \
	X("mjs", "text/javascript; charset=utf-8")    \
	X("mp3", "audio/mpeg")                        \
	X("mp4", "video/mp4")                         \
	X("oga", "audio/ogg")                         \
	X("ogg", "audio/ogg")                         \
	X("ogv", "video/ogg")                         \
	X("opus", "audio/ogg")                        \
	X("otf", "font/otf")                          \
	X("pdf", "application/pdf")                   \
	X("png", "image/png")                         \
	X("ps", "application/postscript")             \
	X("rss", "application/rss+xml")               \
	X("rtf", "application/rtf")                   \
	X("svg", "image/svg+xml")                     \
	X("tar", "application/x-tar")                 \
	X("tif", "image/tiff")                        \
	X("tiff", "image/tiff")                       \
	X("ttf", "font/ttf")                          \
	X("txt", "text/plain; charset=utf-8")         \
	X("vtt", "text/vtt; charset=utf-8")           \
	X("wasm", "application/wasm")                 \
	X("wav", "audio/wav")                         \
	X("webm", "video/webm")                       \
	X("webmanifest", "application/manifest+json") \
	X("webp", "image/webp")                       \
	X("woff", "font/woff")                        \
	X("woff2", "font/woff2")                      \
	X("xhtml", "application/xhtml+xml")           \
	X("xml", "application/xml")                   \
	X("xz", "application/x-xz")                   \
	X("zip", "application/zip")                   \
	X("zst", "application/zstd")
