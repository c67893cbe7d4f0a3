"""The life of a server: start, reload, map changes, drain, and what a service manager sees of it."""
import os
import signal
import socket
import subprocess
import time
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

ALICE = "alice@example.org"


def in_data(server, number, sender="sender@client.example"):
    """A client that has been asked for its text."""
    client = server.client(timeout=30)
    client.greet()
    client.expect(f"MAIL FROM:<{sender}>", 250)
    client.expect(f"RCPT TO:<{ALICE}>", 250)
    client.expect("DATA", 354)
    client.send(f"Subject: {number}\r\n\r\n".encode())
    return client


class Drain(unittest.TestCase):
    def test_a_message_under_way_is_finished(self):
        server = tidegate.Server()
        try:
            server.start()
            sending, idle = in_data(server, 1), server.client()
            idle.greet()
            server.process.send_signal(signal.SIGTERM)
            # When the idle one hears of it the only smtpd has been told.
            smtp.check(idle.reply(), 421)
            self.assertTrue(idle.is_closed())
            sending.send(b"text\r\n.\r\n")
            smtp.check(sending.reply(), "250 2.0.0")
            smtp.check(sending.say("MAIL FROM:<another@client.example>"), 421)
            self.assertTrue(sending.is_closed())
            self.assertEqual(server.process.wait(20), 0)
            self.assertEqual(len(server.mail(ALICE)), 1)
            server.expect_log(r"event=transaction .*code=250")
            server.expect_log(r"event=session .*messages=1")
        finally:
            server.remove()

    def test_a_signal_to_all_processes_is_one_to_the_master(self):
        server = tidegate.Server()
        try:
            server.start()
            sending = in_data(server, 1)
            for pid, _ in server.children():
                os.kill(pid, signal.SIGTERM)
            server.process.send_signal(signal.SIGTERM)
            server.expect_log("ending")
            sending.send(b"text\r\n.\r\n")
            smtp.check(sending.reply(), "250 2.0.0")
            sending.close()
            self.assertEqual(server.process.wait(20), 0)
            self.assertEqual(len(server.mail(ALICE)), 1)
        finally:
            server.remove()

    def is_greeted(self, server):
        try:
            with server.client(timeout=5) as late:
                late.greet()
        except (OSError, AssertionError):
            return False
        return True

    def test_no_new_clients_while_draining(self):
        server = tidegate.Server()
        try:
            server.start()
            sending = in_data(server, 1)
            server.process.send_signal(signal.SIGTERM)
            tidegate.wait_until(lambda: not self.is_greeted(server), "the door is closed")
            self.assertFalse(self.is_greeted(server))
            sending.send(b".\r\n")
            smtp.check(sending.reply(), 250)
            self.assertEqual(server.process.wait(20), 0)
        finally:
            server.remove()

    def test_drain_time_ends_those_who_never_finish(self):
        server = tidegate.Server(config={"drain-time": 1})
        try:
            server.start()
            client = in_data(server, 1)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(15), 0)
            self.assertEqual(server.mail(ALICE), [])
            self.assertEqual(server.leftovers(ALICE), [])
            client.close()
        finally:
            server.remove()

    def test_ends_quietly_when_idle(self):
        with tidegate.Server() as server:
            children = [pid for pid, _ in server.children()]
            self.assertGreaterEqual(len(children), 5)
        for pid in children:
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)

    def test_children_end_when_the_master_is_killed(self):
        server = tidegate.Server()
        try:
            server.start()
            children = [pid for pid, _ in server.children()]
            server.kill()
            for pid in children:
                tidegate.wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}/exe"), f"child {pid} is gone")
        finally:
            server.remove()


class Reload(ServerCase):
    def reload(self, number=signal.SIGHUP, pattern="read again"):
        mark = self.server.mark()
        self.server.process.send_signal(number)
        return self.server.expect_log(pattern, mark)

    def tearDown(self):
        self.server.write_config(max_message_size=None, hostname=tidegate.HOSTNAME, listen=[f"127.0.0.1:{self.server.port}"],
                                 frobnicate=None)
        self.reload()

    def test_new_values_hold_for_new_sessions_and_old_ones_go_on(self):
        old = in_data(self.server, "reload")
        self.server.write_config(max_message_size=100000)
        self.reload()
        with self.server.client() as fresh:
            self.assertIn("SIZE 100000", fresh.greet().texts)
        old.send(b"text\r\n.\r\n")
        smtp.check(old.reply(), 250)
        old.close()

    def test_a_broken_configuration_changes_nothing(self):
        self.server.write_config(frobnicate="x", max_message_size=100000)
        line = self.reload(pattern="refused")
        self.assertIn("frobnicate", line)
        with self.server.client() as fresh:
            self.assertIn("SIZE 52428800", fresh.greet().texts)

    def test_tidegate_reload_does_the_same(self):
        self.server.write_config(max_message_size=200000)
        code, out, err = self.server.run("reload")
        self.assertEqual(code, 0, out + err)
        with self.server.client() as fresh:
            self.assertIn("SIZE 200000", fresh.greet().texts)

    def test_tidegate_reload_tells_what_is_wrong(self):
        self.server.write_config(frobnicate="x")
        code, out, err = self.server.run("reload")
        self.assertEqual(code, 1)
        self.assertIn("frobnicate", out + err)

    def test_what_needs_a_restart_is_said(self):
        self.server.write_config(state=self.server.state + "2")
        line = self.reload(pattern="refused")
        self.assertIn("state", line)
        self.server.write_config(state=self.server.state)

    def test_listeners_come_and_go(self):
        extra = tidegate.free_port()
        self.server.write_config(listen=[f"127.0.0.1:{self.server.port}", f"127.0.0.1:{extra}"])
        self.reload()
        with smtp.Client(("127.0.0.1", extra)) as client:
            client.greet()
        self.server.write_config(listen=[f"127.0.0.1:{self.server.port}"])
        self.reload()

        def is_refused():
            try:
                smtp.Client(("127.0.0.1", extra), timeout=1).close()
                return False
            except OSError:
                return True
        tidegate.wait_until(is_refused, "the old port is closed")


class Map(ServerCase):
    """A new recipient map is noticed within a second; a bad one never replaces a good one."""

    def answer(self, address, number=250):
        with self.server.client() as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example>", 250)
            return client.say(f"RCPT TO:<{address}>").code

    def map_path(self):
        return os.path.join(self.server.state, "maps", "recipients.cdb")

    def setUp(self):
        super().setUp()
        self.server.write_recipients(tidegate.RECIPIENTS)
        self.server.compile_map("--force")
        tidegate.wait_until(lambda: self.answer(ALICE) == 250 and self.answer("new@example.org") == 550, "the first map is in force")

    def test_a_new_entry_counts_within_a_second(self):
        self.server.write_recipients(tidegate.RECIPIENTS + "new@example.org maildir\n")
        self.server.compile_map()
        begun = time.monotonic()
        tidegate.wait_until(lambda: self.answer("new@example.org") == 250, "the new address is taken")
        self.assertLess(time.monotonic() - begun, 1.5)

    def test_a_session_under_way_sees_it_too(self):
        with self.server.client() as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect("RCPT TO:<new@example.org>", 550)
            self.server.write_recipients(tidegate.RECIPIENTS + "new@example.org maildir\n")
            self.server.compile_map()
            tidegate.wait_until(lambda: self.answer("new@example.org") == 250, "the new address is taken")
            client.expect("RCPT TO:<new@example.org>", 250)
            client.expect("DATA", 354)
            client.send(smtp.stuff(smtp.message(number="new")))
            smtp.check(client.reply(), 250)

    def test_bad_files_are_refused_and_the_old_map_stays(self):
        with open(self.map_path(), "rb") as file:
            good = file.read()
        bad = {"empty": b"", "cut in half": good[:len(good) // 2], "text": b"not a map at all\n" * 200,
               "one byte short": good[:-1], "zeros": bytes(len(good))}
        for name, content in bad.items():
            with self.subTest(name):
                mark = self.server.mark()
                with open(self.map_path() + ".test", "wb") as file:
                    file.write(content)
                os.chmod(self.map_path() + ".test", 0o644)
                os.rename(self.map_path() + ".test", self.map_path())
                self.server.expect_log(r"map.*refused", mark, 5)
                self.assertEqual(self.answer(ALICE), 250)
                self.assertEqual(self.answer("nobody@example.org"), 550)

    def test_a_missing_file_changes_nothing(self):
        mark = self.server.mark()
        os.unlink(self.map_path())
        self.server.expect_log(r"map.*refused", mark, 5)
        self.assertEqual(self.answer(ALICE), 250)
        self.server.compile_map("--force")

    def test_children_restarted_meanwhile_get_the_good_map(self):
        mark = self.server.mark()
        with open(self.map_path() + ".test", "wb") as file:
            file.write(b"bad")
        os.rename(self.map_path() + ".test", self.map_path())
        self.server.expect_log(r"map.*refused", mark, 5)
        for role in ("smtpd", "deliver"):
            mark = self.server.mark()
            self.server.kill_child(role)
            self.server.expect_log(rf"{role}.* runs again", mark)

        def is_taken():
            try:
                return self.answer(ALICE) == 250
            except OSError:
                return False
        tidegate.wait_until(is_taken, "alice is taken again")


class ServiceManager(unittest.TestCase):
    def test_notify_socket(self):
        folder = tidegate.new_folder()
        path = os.path.join(folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(path)
            os.chmod(path, 0o777)
            listener.settimeout(10)
            with tidegate.Server(environment={"NOTIFY_SOCKET": path}) as server:
                self.assertIn(b"READY=1", listener.recv(4096))
                server.process.send_signal(signal.SIGHUP)
                self.assertIn(b"RELOADING=1", listener.recv(4096))
                self.assertIn(b"READY=1", listener.recv(4096))
                server.process.send_signal(signal.SIGTERM)
                self.assertIn(b"STOPPING=1", listener.recv(4096))
                server.process.wait(20)
        os.unlink(path)

    def test_listen_fds(self):
        """A socket from the service manager serves the address it is bound to; connections queued before the start wait."""
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        # LISTEN_PID must name the very process, and the socket be descriptor 3.
        handover = ["bash", "-c", 'exec 3<&$1; shift; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"', "bash", str(listener.fileno())]
        server = tidegate.Server(config={"listen": [f"127.0.0.1:{port}"]})
        server.port = port
        early = smtp.Client(("127.0.0.1", port))
        try:
            server.compile_map()
            server.wrap, server.pass_fds = handover, (listener.fileno(),)
            server.spawn()
            self.assertTrue(server.wait_log("tidegate: ready"), server.log.lines)
            early.greet()
            smtp.check(server.deliver(ALICE, smtp.message()), 250)
            self.assertEqual(server.stop(), 0)
        finally:
            listener.close()
            server.remove()


class Start(unittest.TestCase):
    def refused(self, pattern, **options):
        prepare = options.pop("prepare", None)
        server = tidegate.Server(**options)
        try:
            server.compile_map()
            if prepare:
                prepare(server)
            server.expect_refusal(pattern)
        finally:
            server.remove()

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(rf"127\.0\.0\.1:{port}.*another program", config={"listen": [f"127.0.0.1:{port}"]})

    def test_second_server_on_the_same_state(self):
        with tidegate.Server() as server:
            server.write_config(listen=[f"127.0.0.1:{tidegate.free_port()}"])
            done = subprocess.run(server.command("run"), stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(b"another tidegate", done.stderr)
            smtp.check(server.deliver(ALICE, smtp.message()), 250)

    def test_address_that_is_not_here(self):
        self.refused(r"no such address|cannot listen", config={"listen": ["192.0.2.7:2525"]})

    def test_missing_configuration(self):
        program = os.path.join(tidegate.BIN, "tidegate")
        done = subprocess.run([program, "run", "-c", "/nonexistent/tidegate.conf"], capture_output=True, timeout=20, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"/nonexistent/tidegate.conf", done.stderr)

    def test_state_folder_not_writable(self):
        if not tidegate.IS_ROOT:
            self.refused(r"state", prepare=lambda server: os.chmod(server.state, 0o555))
            return

        def take_away(server):
            for folder, folders, _ in os.walk(server.state):
                os.chown(folder, 0, 0)
        self.refused(r"state", uid=tidegate.NOBODY, prepare=take_away)

    def test_state_folder_that_others_may_write(self):
        self.refused(r"state.*chmod", prepare=lambda server: os.chmod(server.state, 0o777))

    def test_start_without_a_map_defers(self):
        server = tidegate.Server()
        try:
            server.spawn()
            self.assertTrue(server.wait_log("tidegate: ready"), server.log.lines)
            with server.client() as client:
                client.greet()
                client.expect("MAIL FROM:<sender@client.example>", 250)
                client.expect(f"RCPT TO:<{ALICE}>", "451 4.3")
            server.compile_map()
            tidegate.wait_until(lambda: server.deliver(ALICE, smtp.message()).code == 250, "the map is in force")
            self.assertEqual(server.stop(), 0)
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
