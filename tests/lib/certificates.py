"""Certificates with their keys for tests, made by the openssl program, and TLS handshakes that show which one a server has."""
import os
import ssl
import subprocess

from tests.lib import smtp, tls

KINDS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}


class Pair:
    """chain and key are paths; der is the certificate."""

    def __init__(self, folder, name, names=("mx.example.org",), kind="ec", days=30, mode=0o600):
        self.chain, self.key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
        alternatives = ",".join("DNS:" + each for each in names)
        subprocess.run(["openssl", "req", "-x509", *KINDS[kind], "-nodes", "-keyout", self.key, "-out", self.chain, "-days", str(days),
                        "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}"],
                       stdin=subprocess.DEVNULL, capture_output=True, check=True)
        os.chmod(self.key, mode)
        self.der = der_of(self.chain)

    def section(self, chain=None, key=None):
        """The values of a `certificate` section."""
        return {"chain": chain or self.chain, "key": key or self.key}


def der_of(path):
    with open(path, encoding="ascii") as file:
        text = file.read()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE"):text.index(end) + len(end)])


def starttls(address, name=None, **options):
    """An smtp.Client under TLS (tests.lib.tls.make_context(**options)); OSError where that fails."""
    client = smtp.Client(address)
    try:
        client.greet()
        answer = client.say("STARTTLS")
        if answer.code != 220:
            raise OSError(f"STARTTLS: {answer}")
        tls.wrap(client, name=name, context=tls.make_context(**options))
        return client
    except BaseException:
        client.close()
        raise


def shown(address, name=None, **options):
    """The certificate that a server shows to a client that asks for name, as DER."""
    with starttls(address, name, **options) as client:
        return client.socket.tls.getpeercert(binary_form=True)
