/* Bytes on the network, of one process: the kernel's own numbers of each of its TCP connections (sock_diag(7), INET_DIAG_INFO).
 * /proc/PID/net/dev would tell of everybody in the same network namespace. */
#include "bench/bench.h"

#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INODES_MAX = 512, ESTABLISHED = 1, ANSWER_BYTES = 64 << 10, PROTOCOL_TCP = 6 };

static size_t inodes_of(pid_t pid, uint64_t out[INODES_MAX])
{
	char path[64], entry[400], target[64];
	size_t count = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *folder = opendir(path);
	for (struct dirent *file; folder && count < INODES_MAX && (file = readdir(folder));) {
		unsigned long long inode;
		snprintf(entry, sizeof entry, "%s/%s", path, file->d_name);
		ssize_t size = readlink(entry, target, sizeof target - 1);
		if (size <= 0)
			continue;
		target[size] = '\0';
		if (sscanf(target, "socket:[%llu]", &inode) == 1)
			out[count++] = inode;
	}
	if (folder)
		closedir(folder);
	return count;
}

static bool question_send(int fd, uint8_t family)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 request;
	} question = {.head = {.nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = family, .sdiag_protocol = PROTOCOL_TCP, .idiag_ext = 1 << (INET_DIAG_INFO - 1), .idiag_states = 1 << ESTABLISHED}};
	return send(fd, &question, sizeof question, 0) == (ssize_t)sizeof question;
}

/* One connection; false: there is no room for it, or its numbers are missing. */
static bool socket_add(const struct nlmsghdr *head, const uint64_t *inodes, size_t inode_count, struct bench_network *out)
{
	const struct inet_diag_msg *message = NLMSG_DATA(head);
	size_t i = 0;
	while (i < inode_count && inodes[i] != message->idiag_inode)
		i++;
	if (i == inode_count)
		return true;
	int left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof *message));
	for (const struct rtattr *part = (const struct rtattr *)(message + 1); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
		struct tcp_info info = {0};
		size_t size = RTA_PAYLOAD(part);
		if (part->rta_type != INET_DIAG_INFO || out->count == BENCH_SOCKETS)
			continue;
		memcpy(&info, RTA_DATA(part), size < sizeof info ? size : sizeof info);
		out->sockets[out->count++] = (struct bench_socket){.inode = message->idiag_inode, .sent = info.tcpi_bytes_sent,
			.received = info.tcpi_bytes_received, .sent_segments = info.tcpi_segs_out, .received_segments = info.tcpi_segs_in};
		return true;
	}
	return false;
}

static bool family_read(int fd, uint8_t family, const uint64_t *inodes, size_t inode_count, struct bench_network *out)
{
	uint8_t *bytes = memory_new(ANSWER_BYTES);
	bool good = question_send(fd, family), done = false;
	while (good && !done) {
		ssize_t size = recv(fd, bytes, ANSWER_BYTES, 0);
		good = size > 0;
		for (size_t at = 0; good && !done && at + sizeof(struct nlmsghdr) <= (size_t)size;) {
			const struct nlmsghdr *head = (const struct nlmsghdr *)(bytes + at);
			done = head->nlmsg_type == NLMSG_DONE;
			good = head->nlmsg_type != NLMSG_ERROR && head->nlmsg_len >= sizeof *head && head->nlmsg_len <= (size_t)size - at
				&& (done || (head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)) && socket_add(head, inodes, inode_count, out)));
			at += NLMSG_ALIGN(head->nlmsg_len);
		}
	}
	free(bytes);
	return good;
}

bool bench_network(pid_t pid, struct bench_network *out)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	uint64_t *inodes = memory_new_array(INODES_MAX, sizeof *inodes);
	size_t inode_count = inodes_of(pid, inodes);
	*out = (struct bench_network){0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool good = fd >= 0 && inode_count < INODES_MAX;
	for (size_t i = 0; good && i < sizeof families; i++)
		good = family_read(fd, families[i], inodes, inode_count, out);
	if (fd >= 0)
		close(fd);
	free(inodes);
	return good;
}

bool bench_network_between(const struct bench_network *before, const struct bench_network *after, struct bench_socket *out)
{
	size_t stayed = 0;
	*out = (struct bench_socket){0};
	for (size_t i = 0; i < after->count; i++) {
		struct bench_socket then = {0}, now = after->sockets[i];
		for (size_t k = 0; k < before->count; k++)
			if (before->sockets[k].inode == now.inode) {
				then = before->sockets[k];
				stayed++;
			}
		out->sent += now.sent - then.sent;
		out->received += now.received - then.received;
		out->sent_segments += now.sent_segments - then.sent_segments;
		out->received_segments += now.received_segments - then.received_segments;
	}
	return stayed == before->count;
}
