# limit: 900
"""Everything that testssl.sh can find: with the certificate that the server makes for itself, and the modern policy."""
import unittest

from tests.lib import server as tidegate
from tests.lib import testssl


@unittest.skipUnless(testssl.is_there(), "testssl.sh could not be unpacked, or there is no openssl command")
class Everything(unittest.TestCase):
    def examine(self, **config):
        keys = {"max-connections-per-address": 0, "connection-rate-per-address": 0, "connection-rate-per-network": 0}
        with tidegate.Server(config={**keys, **config}) as server:
            findings = testssl.examine(server.port, tidegate.HOSTNAME)
        # What nobody renews is made for ten years.
        self.assertEqual(testssl.grave(findings, {"cert_validityPeriod"}), [])
        return {finding["id"]: finding["finding"] for finding in findings}

    def test_with_its_own_certificate(self):
        said = self.examine()
        self.assertIn("self signed", said["cert_chain_of_trust"])

    def test_modern(self):
        said = self.examine(**{"tls-policy": "modern"})
        self.assertNotIn("DHE-RSA", said["PFS_ciphers"].replace("ECDHE-RSA", ""))


if __name__ == "__main__":
    unittest.main()
