# limit: 300
"""testssl.sh finds nothing of medium severity or worse on a listener with STARTTLS, with ECDSA and RSA side by side."""
import unittest

from tests.lib import server as tidegate
from tests.lib import testssl

NAME = "mx.example.org"
CHECKS = ("--protocols", "--std", "--fs", "--server-preference", "--server-defaults", "--vulnerable")


@unittest.skipUnless(testssl.is_there(), "testssl.sh could not be unpacked, or there is no openssl command")
class Testssl(unittest.TestCase):
    def test_ecdsa_and_rsa(self):
        folder = tidegate.new_folder()
        config = {"max-connections-per-address": 0, "connection-rate-per-address": 0, "connection-rate-per-network": 0}
        for kind in ("ec", "rsa"):
            chain, key = testssl.make_pair(folder, NAME, kind)
            # Two sections of one title, told apart by the space between title and brace.
            config[f'certificate "{NAME}"' + " " * (kind == "rsa")] = {"chain": chain, "key": key}
        with tidegate.Server(config=config) as server:
            findings = testssl.examine(server.port, NAME, *CHECKS)
            self.assertEqual(testssl.grave(findings), [])
            said = {finding["id"]: finding["finding"] for finding in findings}
            self.assertIn("not offered", said["TLS1_1"])
            self.assertIn("offered", said["TLS1_3"])
            self.assertEqual({said[key].split(" ")[0] for key in said if key.startswith("cert_keySize")}, {"EC", "RSA"})
            for key, words in (("secure_client_renego", "not vulnerable"), ("CRIME_TLS", "not vulnerable"), ("PFS", "offered")):
                self.assertIn(words, said[key])


if __name__ == "__main__":
    unittest.main()
