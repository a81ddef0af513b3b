/* What `tally bench idle` says of the network: the bytes of this process' connections, and of no other's. */
#include "bench/bench.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	int listener, near, far;
};

/* A connection over loopback. */
static struct pair pair_open(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	struct pair pair = {.listener = socket(AF_INET, SOCK_STREAM, 0), .near = socket(AF_INET, SOCK_STREAM, 0)};
	assert_int_equal(bind(pair.listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(pair.listener, 1), 0);
	assert_int_equal(getsockname(pair.listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(pair.near, (struct sockaddr *)&address, sizeof address), 0);
	pair.far = accept(pair.listener, NULL, NULL);
	assert_true(pair.far >= 0);
	return pair;
}

static void pair_close(const struct pair *pair)
{
	close(pair->listener);
	close(pair->near);
	close(pair->far);
}

/* Sent and come. */
static void carry(int from, int to, size_t size)
{
	static uint8_t bytes[5000];
	assert_true(size <= sizeof bytes);
	assert_int_equal(send(from, bytes, size, 0), size);
	assert_int_equal(recv(to, bytes, size, MSG_WAITALL), size);
}

static struct bench_network look(void)
{
	struct bench_network network;
	assert_true(bench_network(getpid(), &network));
	return network;
}

static void bytes_are_counted(void **state)
{
	(void)state;
	struct pair pair = pair_open();
	struct bench_socket through;
	carry(pair.near, pair.far, 100);
	struct bench_network before = look();
	assert_int_equal(before.count, 2);
	carry(pair.near, pair.far, 3000);
	carry(pair.far, pair.near, 700);
	struct bench_network after = look();
	assert_true(bench_network_between(&before, &after, &through));
	/* Both ends are ours. */
	assert_int_equal(through.sent, 3700);
	assert_int_equal(through.received, 3700);
	assert_true(through.sent_segments >= 2);
	pair_close(&pair);
}

static void a_new_connection_counts_from_its_beginning(void **state)
{
	(void)state;
	struct bench_socket through;
	struct bench_network before = look();
	assert_int_equal(before.count, 0);
	struct pair pair = pair_open();
	carry(pair.near, pair.far, 40);
	struct bench_network after = look();
	assert_true(bench_network_between(&before, &after, &through));
	assert_int_equal(through.sent, 40);
	pair_close(&pair);
}

static void a_connection_that_is_gone_is_not_guessed(void **state)
{
	(void)state;
	struct bench_socket through;
	struct pair pair = pair_open();
	struct bench_network before = look();
	pair_close(&pair);
	struct bench_network after = look();
	assert_int_equal(after.count, 0);
	assert_false(bench_network_between(&before, &after, &through));
}

static void others_are_not_counted(void **state)
{
	(void)state;
	int ready[2], go[2];
	char byte = 0;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid_t other = fork();
	if (other == 0) {
		close(go[1]); /* so that it ends when we do */
		struct pair pair = pair_open();
		carry(pair.near, pair.far, 1000);
		bool good = write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1;
		_exit(!good);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	struct bench_network ours = look(), theirs;
	assert_int_equal(ours.count, 0);
	assert_true(bench_network(other, &theirs));
	assert_int_equal(theirs.count, 2);
	assert_int_equal(theirs.sockets[0].sent + theirs.sockets[1].sent, 1000);
	/* One end sent, the other received. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(theirs.sockets[i].sent + theirs.sockets[i].received, 1000);
	assert_int_equal(theirs.sockets[0].received, theirs.sockets[1].sent);
	assert_int_equal(write(go[1], &byte, 1), 1);
	int code;
	assert_int_equal(waitpid(other, &code, 0), other);
	assert_int_equal(code, 0);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_counted),
		cmocka_unit_test(a_new_connection_counts_from_its_beginning),
		cmocka_unit_test(a_connection_that_is_gone_is_not_guessed),
		cmocka_unit_test(others_are_not_counted),
	};
	struct bench_network network;
	if (!bench_network(getpid(), &network)) {
		printf("1..0 # SKIP sock_diag(7) does not answer here\n");
		return 0;
	}
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
