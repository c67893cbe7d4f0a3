"""Certificates with their keys for tests, made by the openssl program, and TLS handshakes that show which one a server has."""
import os
import socket
import ssl
import subprocess

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

    @property
    def der(self):
        return der_of(self.chain)

    def section(self, chain=None, key=None):
        """The values of a `certificate` section."""
        return {"chain": chain or self.chain, "key": key or self.key}


def der_of(path):
    with open(path, encoding="ascii") as file:
        text = file.read()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE"):text.index(end) + len(end)])


def client_context(highest=None, ciphers=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if highest:
        context.maximum_version = highest
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def hear(file):
    """One reply; its last line."""
    while True:
        line = file.readline()
        if line[3:4] != b"-":
            return line


def starttls(address, name=None, timeout=15.0, **options):
    """A connection to an SMTP server after STARTTLS; raises ssl.SSLError or OSError where that fails."""
    raw = socket.create_connection(address, timeout)
    try:
        with raw.makefile("rb") as file:
            hear(file)
            raw.sendall(b"EHLO client.example\r\n")
            hear(file)
            raw.sendall(b"STARTTLS\r\n")
            answer = hear(file)
        if not answer.startswith(b"220"):
            raise OSError(f"STARTTLS: {answer!r}")
        return client_context(**options).wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise


def shown(address, name=None, **options):
    """The certificate that a server shows to a client that asks for name, as DER."""
    with starttls(address, name, **options) as connection:
        return connection.getpeercert(binary_form=True)
