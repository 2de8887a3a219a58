#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Block devices of the unix backend against real files, devices and kernels.

    test_block.py BLOCKAPP FORBID [unittest's arguments]

Every case runs twice where it matters: by io_uring, and with io_uring forbidden.
"""
import os
import subprocess
import sys
import unittest

from blocklib import (FORBID, KIB, MIB, Case, checksum, io_uring_works, mounted,
                      pattern, without_override)


class Transfers(Case):
    def test_engine_is_named(self):
        self.image()
        app = self.opened()
        app.end()
        if not self.uring:
            self.assertRegex(app.logged(), r"block 'd': no io_uring \("
                             r"(Operation not permitted|Function not "
                             r"implemented)\), by threads instead")
        elif not io_uring_works():
            self.skipTest("this system or this build has no io_uring")
        else:
            self.assertIn("block 'd': by io_uring", app.logged())

    def test_read(self):
        data = self.image()
        app = self.opened()
        self.assertEqual(app.info["size"], str(MIB))
        self.assertEqual(app.ask("read d 512 8192 3"),
                         "OK " + checksum(data[512:8704]))

    def test_write_is_in_the_file(self):
        data = bytearray(self.image())
        app = self.opened()
        data[4096:4096 + 65536] = pattern(65536, 9)
        self.assertTrue(app.ask("write d 4096 65536 5 9").startswith("OK"))
        self.assertEqual(app.ask("flush d"), "OK")
        self.assertEqual(self.content(), bytes(data))

    def test_deep_queue_of_cold_and_warm_reads(self):
        data = self.image(4 * MIB)
        fd = os.open(self.path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        app = self.opened()
        for _ in range(2):
            self.assertEqual(app.ask("deep d 1024 4096"),
                             "OK " + checksum(data))
        self.assertIn("reads=2048 ", app.ask("counters d"))

    def test_half_cached_read_is_continued(self):
        data = self.image()
        fd = os.open(self.path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        os.pread(fd, 36 * KIB, 0)
        os.close(fd)
        app = self.opened()
        # Vectors of some 37 KiB: the cache ends within the first one.
        self.assertEqual(app.ask(f"read d 0 {MIB} 27"), "OK " + checksum(data))

    def test_sector_4096(self):
        self.image()
        app = self.opened(",sector=4096")
        self.assertEqual(app.info["sector"], "4096")
        self.assertEqual(app.ask("read d 512 4096"), "EALIGN")
        self.assertEqual(app.ask("read d 0 512"), "EALIGN")

    def test_zero_and_discard(self):
        data = bytearray(self.image())
        app = self.opened()
        self.assertEqual(app.ask("zero d 512 10240"), "OK")
        data[512:10752] = bytes(10240)
        self.assertEqual(self.content(), bytes(data))
        self.assertEqual(app.ask("discard d 65536 131072"), "OK")
        after = self.content()
        self.assertEqual(len(after), MIB)
        self.assertEqual(after[:65536], bytes(data[:65536]))
        self.assertEqual(after[196608:], bytes(data[196608:]))
        self.assertLess(os.stat(self.path).st_blocks * 512, MIB)

    def test_zero_where_the_file_system_cannot(self):
        # tmpfs has no FALLOC_FL_ZERO_RANGE.
        self.path = f"/dev/shm/mirage-block-{os.getpid()}.img"
        self.addCleanup(os.unlink, self.path)
        data = self.image()
        app = self.opened()
        self.assertEqual(app.ask(f"zero d 512 {MIB - 1024}"), "OK")
        self.assertEqual(self.content(),
                         data[:512] + bytes(MIB - 1024) + data[-512:])

    def test_read_only(self):
        data = self.image()
        os.chmod(self.path, 0o444)
        app = self.opened(",ro")
        for command in ("write d 0 512", "zero d 0 512", "discard d 0 512",
                        "flush d"):
            self.assertEqual(app.ask(command), "EROFS")
        self.assertEqual(self.content(), data)

    def test_direct(self):
        data = bytearray(self.image())
        app = self.opened(",direct")
        # The app's memory is aligned to what the disk asks for at most.
        self.assertLessEqual(int(app.info["align"]), 4096)
        self.assertEqual(app.ask(f"deep d 64 {4 * KIB}"),
                         "OK " + checksum(data[:256 * KIB]))
        app.ask("write d 8192 4096 1 3")
        data[8192:12288] = pattern(4096, 3)
        self.assertEqual(self.content(), bytes(data))

    def test_past_the_end_and_misaligned(self):
        self.image()
        app = self.opened()
        self.assertEqual(app.ask(f"read d {MIB} 512"), "ERANGE")
        self.assertEqual(app.ask(f"write d {MIB - 512} 1024"), "ERANGE")
        self.assertEqual(app.ask("read d 1 512"), "EALIGN")
        self.assertEqual(app.ask("read d 0 513"), "EALIGN")
        self.assertTrue(app.ask("read d 0 0").startswith("OK"))
        self.assertIn("refused=4 ", app.ask("counters d"))
        self.assertEqual(os.path.getsize(self.path), MIB)

    def test_closed_and_opened_again(self):
        self.image()
        app = self.opened()
        app.send("deep d 512 2048")
        app.send("close d")
        self.assertTrue(app.next().startswith("deep d OK"))
        self.assertEqual(app.next(), "event d CLOSED")
        self.assertTrue(app.ask("open d").startswith("OK "))
        self.assertTrue(app.ask("read d 0 512").startswith("OK "))


class Resizes(Case):
    def test_longer(self):
        self.image()
        app = self.opened()
        os.truncate(self.path, 2 * MIB)
        self.assertEqual(app.event("d"), f"event d RESIZED size={2 * MIB}")
        self.assertIn(f"size={2 * MIB} ", app.ask("info d"))
        self.assertEqual(app.ask(f"read d {MIB} 4096"),
                         "OK " + checksum(bytes(4096)))

    def test_again_and_again(self):
        # Also while the watch rests after an event.
        self.image()
        app = self.opened()
        for size in (2, 3, 1, 5):
            os.truncate(self.path, size * MIB)
            self.assertEqual(app.event("d"),
                             f"event d RESIZED size={size * MIB}")

    def test_read_only_disk_resizes_too(self):
        self.image()
        app = self.opened(",ro")
        os.truncate(self.path, 2 * MIB)
        app.event("d RESIZED")

    def test_rounded_down(self):
        self.image()
        app = self.opened()
        os.truncate(self.path, 1000)
        self.assertEqual(app.event("d"), "event d RESIZED size=512")
        app.end()
        self.assertIn("block 'd': its 1000 bytes are not a multiple of the "
                      "sector, 512; the last 488 are left out", app.logged())

    def test_truncated_read_and_write(self):
        """Before anybody has noticed: the app asks right after."""
        self.image()
        app = self.opened()
        os.truncate(self.path, 64 * KIB)
        self.assertIn(app.ask(f"read d {96 * KIB} 4096"), ("EIO", "ERANGE"))
        app.event(f"d RESIZED size={64 * KIB}")
        self.assertEqual(app.ask(f"read d {60 * KIB} 8192"), "ERANGE")
        os.truncate(self.path, 32 * KIB)
        self.assertEqual(app.ask(f"write d {40 * KIB} 4096"), "ERANGE")
        self.assertEqual(os.path.getsize(self.path), 32 * KIB)

    def test_truncated_unnoticed(self):
        """Where the host has no inotify, the failure itself is the notice."""
        data = self.image()
        app = self.opened(prefix=[FORBID, "inotify"])
        self.assertEqual(int(app.info["caps"]) & 16, 0)
        os.truncate(self.path, 62 * KIB)
        self.assertEqual(app.ask(f"read d {60 * KIB} 8192 2"), "EIO")
        self.assertEqual(app.event("d"), f"event d RESIZED size={62 * KIB}")
        self.assertEqual(app.ask(f"read d {60 * KIB} 2048"),
                         "OK " + checksum(data[60 * KIB:62 * KIB]))
        os.truncate(self.path, 8 * KIB)
        self.assertEqual(app.ask(f"write d {16 * KIB} 512"), "ERANGE")
        self.assertEqual(app.ask(f"zero d {4 * KIB} 512"), "OK")
        self.assertEqual(os.path.getsize(self.path), 8 * KIB)
        app.end()
        self.assertIn(f"block 'd': read at {60 * KIB}: the file ends before "
                      "it", app.logged())


class Refusals(Case):
    """Each with its exact message."""

    def refused(self, uri, code, message, **more):
        app = self.app(uri, **more)
        self.assertEqual(app.ask("open d"), code)
        app.end()
        self.assertEqual(app.logged(),
                         f"blockapp: error: block 'd' ({uri}): {message}")

    def test_unknown_name(self):
        app = self.app()
        self.assertEqual(app.ask("open d"), "ENODEV")
        app.end()
        self.assertEqual(app.logged(), "blockapp: error: block 'd': no disk "
                         "was given; add --block d=file:PATH or "
                         "--block d=mem:64M")

    def test_other_name(self):
        app = self.app("mem:1M")
        self.assertEqual(app.ask("open x"), "ENODEV")
        app.end()
        self.assertEqual(app.logged(), "blockapp: error: block 'x': no "
                         "--block option has this name; add "
                         "--block x=file:PATH")

    def test_unknown_scheme(self):
        self.refused("disk:a", "EINVAL", "unknown scheme 'disk:'; disks are "
                     "file:PATH and mem:SIZE")

    def test_unknown_option(self):
        self.image()
        self.refused(f"file:{self.path},read-only", "EINVAL",
                     "file: has no option 'read-only'; --help lists them")

    def test_bad_sector(self):
        self.image()
        self.refused(f"file:{self.path},sector=1000", "EINVAL",
                     "sector=1000: a sector has 512 or 4096 bytes; write "
                     "sector=512 or sector=4096")

    def test_flag_with_a_value(self):
        self.image()
        self.refused(f"file:{self.path},ro=yes", "EINVAL",
                     "ro=yes: takes no value; write just ro")

    def test_no_path(self):
        self.refused("file:", "EINVAL", "no path; write file:PATH")

    def test_missing_file(self):
        self.refused(f"file:{self.path}", "ENODEV", "no such file; make one "
                     f"with: truncate -s 64M {self.path}")
        self.assertFalse(os.path.exists(self.path))

    def test_directory(self):
        self.refused(f"file:{self.folder}", "EINVAL", "is a directory; give "
                     "a file or a block device")

    def test_pipe(self):
        os.mkfifo(self.path)
        self.refused(f"file:{self.path}", "EINVAL", "is neither a file nor a "
                     "block device; give a file or a block device")

    def test_empty_file(self):
        self.image(0)
        self.refused(f"file:{self.path}", "EINVAL", "its 0 bytes are less "
                     "than one sector of 512; make it longer with: "
                     f"truncate -s 64M {self.path}")

    def test_shorter_than_a_sector(self):
        self.image(2048)
        self.refused(f"file:{self.path},sector=4096", "EINVAL", "its 2048 "
                     "bytes are less than one sector of 4096; make it longer "
                     f"with: truncate -s 64M {self.path}")

    def test_size_of_broken_sectors(self):
        self.image(1000)
        self.refused(f"file:{self.path}", "EINVAL", "its 1000 bytes are not "
                     "a multiple of the sector, 512; round it up with: "
                     f"truncate -s %4096 {self.path}")

    def test_no_permission(self):
        self.image()
        os.chmod(self.path, 0o444)
        self.refused(f"file:{self.path}", "EACCES", "permission denied; give "
                     "the user of this program the right to write it, or add "
                     ",ro", prefix=without_override())
        os.chmod(self.path, 0)
        self.refused(f"file:{self.path},ro", "EACCES", "permission denied; "
                     "give the user of this program the right to read it",
                     prefix=without_override())

    def test_direct_where_it_cannot_be(self):
        prefix = mounted("ramfs", self.folder,
                         f"truncate -s 1M {self.path}")
        self.refused(f"file:{self.path},direct", "EINVAL", "direct: this file "
                     "system cannot do it; leave out ,direct", prefix=prefix)

    def test_read_only_file_system(self):
        prefix = mounted("tmpfs", self.folder, f"truncate -s 1M {self.path} "
                         f"&& mount -o remount,bind,ro {self.folder}")
        self.refused(f"file:{self.path}", "EROFS", "on a read-only file "
                     "system; add ,ro", prefix=prefix)

    def test_bad_memory_sizes(self):
        for size in ("", "abc", "-1", "1X", "99999999999999999999"):
            self.refused(f"mem:{size}", "EINVAL", f"'{size}' is not a size; "
                         "write a number of bytes, perhaps with K, M, G or "
                         "T, such as mem:64M")
        self.refused("mem:1000", "EINVAL", "its 1000 bytes are not a multiple "
                     "of the sector, 512; give another size, such as 64M")
        self.refused("mem:0", "EINVAL", "its 0 bytes are less than one sector "
                     "of 512; give another size, such as 64M")
        self.refused("mem:4096T", "ENOMEM", "Cannot allocate memory; give a "
                     "smaller size than mem:4096T")

    IN_USE = ("in use by another disk or program; close that one, or add ,ro "
              "to both")

    def test_two_processes(self):
        self.image()
        self.opened()
        for options in ("", ",ro"):
            self.refused(f"file:{self.path}{options}", "EBUSY", self.IN_USE)

    def test_two_names(self):
        self.image()
        app = self.app(f"file:{self.path}", f"file:{self.path}")
        self.assertTrue(app.ask("open d").startswith("OK "))
        self.assertEqual(app.ask("open e"), "EBUSY")
        app.send("close d")
        app.event("d CLOSED")
        self.assertTrue(app.ask("open e").startswith("OK "))
        self.assertIn(self.IN_USE, app.logged())

    def test_two_readers(self):
        self.image()
        self.opened(",ro")
        self.opened(",ro")
        self.refused(f"file:{self.path}", "EBUSY", self.IN_USE)


class World(Case):
    def test_disk_full(self):
        prefix = mounted("tmpfs", self.folder, f"truncate -s 8M {self.path}",
                         "-o size=1M")
        app = self.opened(prefix=prefix)
        self.assertTrue(app.ask("write d 0 4096").startswith("OK"))
        self.assertEqual(app.ask(f"write d {MIB} {2 * MIB}"), "ENOSPC")
        self.assertEqual(app.ask(f"zero d {4 * MIB} {2 * MIB}"), "ENOSPC")
        self.assertIn("errors=2", app.ask("counters d"))
        self.assertTrue(app.ask("read d 0 4096").startswith("OK"))
        app.end()
        self.assertIn(f"block 'd': write at {MIB}: No space left on device",
                      app.logged())

    def test_block_device(self):
        data = bytearray(self.image())
        device = self.loop_device()
        app = self.app(f"file:{device}")
        answer = app.ask("open d")
        self.assertIn(f"OK size={MIB} ", answer)
        self.assertEqual(app.ask("deep d 256 4096"), "OK " + checksum(data))
        app.ask("write d 4096 8192 1 5")
        self.assertEqual(app.ask("zero d 65536 512"), "OK")
        self.assertEqual(app.ask("flush d"), "OK")
        data[4096:12288] = pattern(8192, 5)
        data[65536:66048] = bytes(512)
        self.assertEqual(self.content(), bytes(data))
        self.assertEqual(app.ask("discard d 131072 65536"), "OK")
        self.assertEqual(self.content()[:131072], bytes(data[:131072]))
        self.assertLess(os.stat(self.path).st_blocks * 512, MIB)

    def test_block_device_in_use(self):
        self.image()
        device = self.loop_device()
        held = os.open(device, os.O_RDWR | os.O_EXCL)  # as a mount does
        self.addCleanup(os.close, held)
        app = self.app(f"file:{device}", f"file:{device},ro")
        self.assertEqual(app.ask("open d"), "EBUSY")
        self.assertTrue(app.ask("open e").startswith("OK "))
        app.end()
        self.assertIn(f"error: block 'd' (file:{device}): the system uses "
                      "this block device; unmount it, or add ,ro",
                      app.logged())

    def test_one_run_right_after_another(self):
        self.image()
        for _ in range(10):
            self.opened().end()

    def test_block_device_of_large_sectors(self):
        data = self.image()
        device = self.loop_device("--sector-size", "4096")
        app = self.app(f"file:{device},direct")
        self.assertIn(f"OK size={MIB} sector=4096 physical=4096 ",
                      app.ask("open d"))
        self.assertEqual(app.ask("deep d 64 4096"),
                         "OK " + checksum(data[:256 * KIB]))
        app.end()
        app = self.app(f"file:{device},direct,sector=512")
        self.assertEqual(app.ask("open d"), "EINVAL")
        app.end()
        self.assertIn("direct: needs sectors of 4096 bytes here; leave out "
                      ",direct or write sector=4096", app.logged())

    def loop_device(self, *options):
        made = subprocess.run(["losetup", "--find", "--show", *options,
                               self.path],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            self.skipTest("no loop device: " + made.stderr.strip())
        device = made.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=True)
        return device


class Memory(Case):
    def test_zero_filled_and_sparse(self):
        app = self.app("mem:64G,sector=4096")
        self.assertIn(f"size={64 << 30} sector=4096 ", app.ask("open d"))
        at = (64 << 30) - 65536
        zeroes = "OK " + checksum(bytes(65536))
        self.assertEqual(app.ask(f"read d {at} 65536 4"), zeroes)
        written = app.ask(f"write d {at} 65536 3 8")
        self.assertEqual(written, "OK " + checksum(pattern(65536, 8)))
        self.assertEqual(app.ask(f"read d {at} 65536 5"), written)
        self.assertEqual(app.ask("flush d"), "OK")

    def test_kept_while_closed(self):
        app = self.app("mem:1M")
        app.ask("open d")
        written = app.ask("write d 4096 4096 1 2")
        app.send("close d")
        app.event("d CLOSED")
        app.ask("open d")
        self.assertEqual(app.ask("read d 4096 4096"), written)
        self.assertIn("reads=1 writes=0", app.ask("counters d"))

    def test_zeroes_and_no_byte_more(self):
        app = self.app("mem:1M")
        app.ask("open d")
        app.ask("write d 0 65536 1 8")
        data = bytearray(pattern(65536, 8))
        for command, at, length in (("zero", 512, 512), ("zero", 7680, 9216),
                                    ("discard", 20480, 4096),
                                    ("zero", 30208, 2048)):
            self.assertEqual(app.ask(f"{command} d {at} {length}"), "OK")
            data[at:at + length] = bytes(length)
            self.assertEqual(app.ask("read d 0 65536"),
                             "OK " + checksum(data))


class TransfersByThreads(Transfers):
    uring = False


class ResizesByThreads(Resizes):
    uring = False


class WorldByThreads(World):
    uring = False


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
