/* SPDX-License-Identifier: ISC */
/* The xenstore client, with a store that is right, and with one that is not. */
#include "xen_test.h"

#include "xenstore.h"

#include <xen/io/xs_wire.h>

static struct xenstore_batch batch;
static struct xenstore_key keys[24];
static unsigned n_done;
static int result;

static void done(struct xenstore_batch *b, int error)
{
	ck_assert_ptr_eq(b, &batch);
	ck_assert(!b->busy);
	n_done++;
	result = error;
}

static void start(enum xenstore_kind kind, unsigned n)
{
	memset(&batch, 0, sizeof batch);
	strcpy(batch.directory, "dir");
	batch.keys = keys;
	batch.n_keys = n;
	batch.done = done;
	n_done = 0;
	xenstore_start(&batch, kind);
}

static void begin(void)
{
	fake_start(NULL);
	memset(keys, 0, sizeof keys);
	keys[0].name = "a";
	keys[1].name = "b";
}

START_TEST(reads)
{
	begin();
	fake_set("dir/a", "one");
	start(XENSTORE_READ, 2);
	ck_assert_uint_eq(n_done, 0); /* never at once */
	fake_settle();
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_eq(result, 0);
	ck_assert(keys[0].found && !keys[1].found);
	ck_assert_str_eq(keys[0].value, "one");
	ck_assert_str_eq(keys[1].value, "");
}
END_TEST

/* More than the ring holds at once. */
START_TEST(writes)
{
	char name[24][32];

	begin();
	for (unsigned i = 0; i < 24; i++) {
		snprintf(name[i], sizeof name[i], "key-%u", i);
		keys[i].name = name[i];
		memset(keys[i].value, 'a' + (int)i, 200);
	}
	start(XENSTORE_WRITE, 24);
	fake_settle();
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_eq(result, 0);
	ck_assert_str_eq(fake_get("dir/key-0"), keys[0].value);
	ck_assert_str_eq(fake_get("dir/key-23"), keys[23].value);
}
END_TEST

START_TEST(writes_again_after_conflicts)
{
	begin();
	strcpy(keys[0].value, "x");
	fake.conflicts = 5;
	start(XENSTORE_WRITE, 2);
	fake_settle();
	ck_assert_int_eq(result, 0);
	ck_assert_str_eq(fake_get("dir/a"), "x");
	fake.conflicts = 1000;
	start(XENSTORE_WRITE, 2);
	fake_settle();
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_eq(result, MIRAGE_EAGAIN);
}
END_TEST

START_TEST(lists)
{
	begin();
	fake_set("dir/x", "1");
	fake_set("dir/y/z", "1");
	start(XENSTORE_LIST, 24);
	fake_settle();
	ck_assert_uint_eq(batch.n_keys, 2);
	ck_assert_str_eq(keys[0].value, "x");
	ck_assert_str_eq(keys[1].value, "y");
	start(XENSTORE_LIST, 1);
	fake_settle();
	ck_assert_uint_eq(batch.n_keys, 1);
}
END_TEST

START_TEST(absolute_paths)
{
	begin();
	fake_set("/top/a", "one");
	memset(&batch, 0, sizeof batch);
	keys[0].name = "/top/a";
	batch.keys = keys;
	batch.n_keys = 1;
	batch.done = done;
	xenstore_start(&batch, XENSTORE_READ); /* no directory */
	fake_settle();
	ck_assert_str_eq(keys[0].value, "one");
}
END_TEST

START_TEST(cancels)
{
	begin();
	fake_set("dir/a", "one");
	start(XENSTORE_READ, 2);
	xenstore_cancel(&batch);
	ck_assert(!batch.busy);
	start(XENSTORE_READ, 2);
	fake_settle();
	ck_assert_uint_eq(n_done, 1);
	ck_assert_str_eq(keys[0].value, "one");
	ck_assert_uint_eq(xenstore_breaches, 0);
}
END_TEST

static unsigned n_fired;

static void fired(struct xenstore_watch *watch)
{
	n_fired++;
}

START_TEST(watches)
{
	struct xenstore_watch first = {.path = "dir/a", .changed = fired};
	struct xenstore_watch second = {.path = "dir/a", .changed = fired};

	begin();
	xenstore_watch(&first);
	fake_settle();
	ck_assert_uint_eq(n_fired, 1);
	fake_set("dir/a", "1");
	fake_set("dir/b", "1");
	fake_settle();
	ck_assert_uint_eq(n_fired, 2);
	xenstore_watch(&second); /* fires for both */
	fake_settle();
	ck_assert_uint_eq(n_fired, 4);
	xenstore_unwatch(&first);
	fake_set("dir/a", "2");
	fake_settle();
	ck_assert_uint_eq(n_fired, 5);
	xenstore_unwatch(&second);
	fake_set("dir/a", "3");
	fake_settle();
	ck_assert_uint_eq(n_fired, 5);
	ck_assert_uint_eq(fake_watches(), 0);
}
END_TEST

/* More watches one after the other than there may be at once. */
START_TEST(watches_do_not_add_up)
{
	begin();
	for (unsigned i = 0; i < 300; i++) {
		struct xenstore_watch watch = {.changed = fired};

		snprintf(watch.path, sizeof watch.path, "path-%u", i);
		xenstore_watch(&watch);
		if (i % 2 == 0)
			fake_settle();
		xenstore_unwatch(&watch);
		fake_settle();
	}
	ck_assert_uint_eq(fake_watches(), 0);
}
END_TEST

START_TEST(numbers)
{
	uint64_t n;

	ck_assert(xenstore_number("0", 0, &n) && n == 0);
	ck_assert(xenstore_number("8", 8, &n) && n == 8);
	ck_assert(xenstore_number("18446744073709551615", UINT64_MAX, &n) &&
		  n == UINT64_MAX);
	ck_assert(!xenstore_number("9", 8, &n));
	ck_assert(!xenstore_number("-1", 8, &n));
	ck_assert(!xenstore_number("+1", 8, &n));
	ck_assert(!xenstore_number(" 1", 8, &n));
	ck_assert(!xenstore_number("1 ", 8, &n));
	ck_assert(!xenstore_number("0x1", 8, &n));
	ck_assert(!xenstore_number("", 8, &n));
	ck_assert(!xenstore_number("18446744073709551616", UINT64_MAX, &n));
	/* Digits beyond a small bound must not wrap around. */
	for (uint64_t most = 0; most < 12; most++)
		for (char last = '0'; last <= '9'; last++) {
			char text[] = "1844674407370955161x";

			text[19] = last;
			ck_assert(!xenstore_number(text, most, &n));
		}
}
END_TEST

/* --------------------------------------------------------------- Hostile -- */

static uint32_t wrong_id, wrong_type;
static const char *wrong_text;
static uint32_t wrong_length;

static bool answer_wrong(uint32_t type, uint32_t id, uint32_t transaction,
			 const char *text, uint32_t length)
{
	fake_store_reply(wrong_type != 0 ? wrong_type : type, id + wrong_id, 0,
			 wrong_text, wrong_length);
	return wrong_id == 0;
}

static void wrong(uint32_t id, uint32_t type, const char *text, uint32_t length)
{
	begin();
	fake_set("dir/a", "one");
	wrong_id = id;
	wrong_type = type;
	wrong_text = text;
	wrong_length = length;
	fake.on_store = answer_wrong;
	start(XENSTORE_READ, 1);
	fake_settle();
	ck_assert_uint_eq(n_done, 1);
}

START_TEST(reply_of_another_id)
{
	wrong(7, 0, "two", 3);
	check_log("test: warning: xenstore: a reply that nobody asked for\n");
	ck_assert_uint_eq(xenstore_breaches, 1);
	ck_assert_str_eq(keys[0].value, "one");
}
END_TEST

START_TEST(reply_of_another_type)
{
	wrong(0, XS_WRITE, "two", 3);
	check_log("test: warning: xenstore: a reply of another type than the "
		  "question\n");
	ck_assert_uint_eq(xenstore_breaches, 1);
	ck_assert(!keys[0].found);
}
END_TEST

START_TEST(value_too_long)
{
	static char text[4096];

	memset(text, 'x', sizeof text);
	wrong(0, 0, text, 256);
	ck_assert(!keys[0].found);
	ck_assert_str_eq(keys[0].value, "");
}
END_TEST

START_TEST(longest_message)
{
	static char text[4096];

	wrong(0, 0, text, 4096);
	ck_assert_int_eq(result, 0);
	ck_assert(!keys[0].found);
}
END_TEST

START_TEST(value_with_nul)
{
	wrong(0, 0, "a\0b", 3);
	ck_assert_str_eq(keys[0].value, "a");
}
END_TEST

/* The end of the store: every question ends, also later ones, and closing too. */
START_TEST(message_too_long)
{
	struct xsd_sockmsg head = {XS_READ, 0, 0, 4097};

	begin();
	fake.store_is_silent = true;
	start(XENSTORE_READ, 2);
	fake_settle();
	fake.store_is_silent = false;
	fake.on_store = NULL;
	fake_store_page()->req_cons = fake_store_page()->req_prod;
	fake_store_bytes(&head, sizeof head);
	fake_settle();
	check_log("test: error: xenstore: a message longer than 4096 bytes; "
		  "it is not listened to any more\n");
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_eq(result, MIRAGE_EIO);
	start(XENSTORE_WRITE, 2);
	fake_settle();
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_eq(result, MIRAGE_EIO);
}
END_TEST

START_TEST(closes_without_a_store)
{
	const char *arguments[] = {"--net", "n=vif:0", "--block", "d=vbd:51712",
				   NULL};
	static struct netback net_back;
	static struct blkback block_back;
	struct net_app net;
	struct block_app block;

	fake_start(arguments);
	netback_start(&net_back, 0);
	blkback_start(&block_back, 51712, 64, 512);
	app_net_open(&net, "n", 0);
	app_block_open(&block, "d");
	ck_assert_int_eq(net.result, 0);
	ck_assert_int_eq(block.result, 0);
	fake_store_break();
	fake_settle();
	check_log("test: error: xenstore: its indices make no sense; it is not "
		  "listened to any more\n");
	ck_assert_int_eq(app_net_send(&net, 60, 1), 1); /* both live on */
	fake_settle();
	ck_assert_uint_eq(net_back.n_frames, 1);
	mirage_net_close(net.net);
	mirage_block_close(block.block);
	fake_advance(3 * XENBUS_LEAVE_NS);
	ck_assert_uint_eq(net.events[MIRAGE_EVENT_CLOSED], 1);
	ck_assert_uint_eq(block.events[MIRAGE_EVENT_CLOSED], 1);
	app_net_open(&net, "n", 0);
	app_block_open(&block, "d");
	ck_assert_int_lt(net.result, 0);
	ck_assert_int_lt(block.result, 0);
	netback_forget_frames(&net_back);
	free(block_back.disk);
}
END_TEST

START_TEST(events_of_unknown_watches)
{
	struct xenstore_watch watch = {.path = "dir/a", .changed = fired};
	static const struct {
		const char *text;
		uint32_t length;
	} events[] = {
		{"dir/a\0"
		 "63",
		 9},
		{"dir/a\0"
		 "64",
		 9},
		{"dir/a\0-1", 9},
		{"dir/a\0"
		 "18446744073709551616",
		 27},
		{"dir/a", 6},
		{"dir/a", 5},
		{"", 0},
		{"", 1},
		{"\0\0", 2},
	};

	begin();
	xenstore_watch(&watch);
	fake_settle();
	for (unsigned i = 0; i < sizeof events / sizeof *events; i++)
		fake_store_reply(XS_WATCH_EVENT, 0, 0, events[i].text,
				 events[i].length);
	fake_settle();
	ck_assert_uint_eq(n_fired, 1);
	ck_assert_uint_eq(xenstore_breaches, 8);
	fake_set("dir/a", "1");
	fake_settle();
	ck_assert_uint_eq(n_fired, 2);
	xenstore_unwatch(&watch);
}
END_TEST

TCase *store_cases(void)
{
	TCase *c = tcase_create("store");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, reads);
	tcase_add_test(c, writes);
	tcase_add_test(c, writes_again_after_conflicts);
	tcase_add_test(c, lists);
	tcase_add_test(c, absolute_paths);
	tcase_add_test(c, cancels);
	tcase_add_test(c, watches);
	tcase_add_test(c, watches_do_not_add_up);
	tcase_add_test(c, numbers);
	tcase_add_test(c, reply_of_another_id);
	tcase_add_test(c, reply_of_another_type);
	tcase_add_test(c, value_too_long);
	tcase_add_test(c, longest_message);
	tcase_add_test(c, value_with_nul);
	tcase_add_test(c, message_too_long);
	tcase_add_test(c, closes_without_a_store);
	tcase_add_test(c, events_of_unknown_watches);
	return c;
}
