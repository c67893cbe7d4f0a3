"""A unittest case with a server that is started when first asked for and stopped at the end of the class."""
import unittest

from tests.lib.server import Server


class ServerCase(unittest.TestCase):
    """One server for all tests of the class; `options` are Server's. Each test sees only its own mail and log lines."""

    options = {}
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.make_options()).start()

    @classmethod
    def make_options(cls):
        return dict(cls.options)

    @classmethod
    def tearDownClass(cls):
        server, cls.server = cls.server, None
        try:
            code = server.stop() if server.process.poll() is None else server.process.returncode
            if code:
                raise AssertionError(f"the server ended with {code}:\n" + "\n".join(server.log.lines[-40:]))
        finally:
            server.remove()

    def setUp(self):
        self.log_mark = self.server.mark()
        self.seen = {}

    def story(self):
        """For the report of a failure."""
        return self.server.log.lines[self.log_mark:][-40:] if self.server else []

    def new_mail(self, address):
        """The messages that came for a mailbox since this was last asked (or since the test began: call begin())."""
        files = self.server.mail_files(address)
        fresh = [path for path in files if path not in self.seen.get(address, ())]
        self.seen[address] = set(files)
        messages = []
        for path in fresh:
            with open(path, "rb") as file:
                messages.append(file.read())
        return messages

    def begin(self, *addresses):
        """Forgets the mail that is there already."""
        for address in addresses:
            self.new_mail(address)
