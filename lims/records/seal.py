"""The site's seal: one key and one self-signed certificate per site, made on first need, and the seal it puts on a PDF.

`seal.pem` holds the key and its certificate in one file, so that two processes that need the seal at the same moment
agree on one pair: the file appears whole, by a hard link that only one of them can make. `certificate.pem` is its
public half, to hand out and to verify with. A certificate that was used before a new key was made stays valid for the
records it sealed: keep it in the same directory under any other name that ends in `.pem`.

This is an advanced seal of the organization (PAdES B-B), not a qualified one; the signatures of people are rows of the
record.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.conf import settings
from pyhanko.keys.pemder import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator.registry import SimpleCertificateStore

FIELD = "OxinateSeal"
KEY_BITS = 3072
YEARS = 30  # longer than any retention rule; without a time-stamp, an expired certificate cannot vouch


@dataclass(frozen=True, slots=True)
class Seal:
    signer: SimpleSigner
    site: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` shows it."""
        certificate = self.signer.signing_cert
        assert certificate is not None
        return hashlib.sha256(certificate.dump()).hexdigest()

    def sealed(self, pdf: bytes, *, number: str, title: str) -> bytes:
        """The same pages with an invisible certifying signature after which nothing may be changed."""
        metadata = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            name=self.site,
            location=self.site,
            reason=f"Record {number} as printed: {title}",
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
            tight_size_estimates=True,  # no slack in which a byte could change unseen by the seal
        )
        signer = PdfSigner(metadata, self.signer, new_field_spec=SigFieldSpec(FIELD))
        sealed = BytesIO()
        signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), output=sealed)
        return sealed.getvalue()

    def detached(self, content: bytes) -> bytes:
        """A signature over these bytes in a file of its own (CMS, DER), as `openssl cms -verify` reads it."""
        at = PdfCMSSignedAttributes(signing_time=datetime.now(UTC))
        signed = asyncio.run(self.signer.async_sign_general_data(content, "sha256", signed_attr_settings=at))
        return bytes(signed.dump())


def site_seal() -> Seal:
    """The seal of this site; its key and certificate are made when there are none yet."""
    return _seal(seal_directory(), str(settings.SITE_NAME))


def seal_directory() -> Path:
    return Path(settings.SEAL_DIR)


@lru_cache(maxsize=4)
def _seal(directory: Path, site: str) -> Seal:
    path = directory / "seal.pem"
    if not path.exists():
        _make(path, site)
    pem = path.read_bytes()
    key = load_private_key_from_pemder_data(pem, passphrase=None)
    certificates = list(load_certs_from_pemder_data(pem))
    if not (directory / "certificate.pem").exists():  # also after a crash between the two files
        _publish(directory / "certificate.pem", pem)
    return Seal(
        signer=SimpleSigner(signing_cert=certificates[0], signing_key=key, cert_registry=SimpleCertificateStore()),
        site=site,
    )


def _make(path: Path, site: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    content = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + _certificate(key, site).public_bytes(serialization.Encoding.PEM)
    draft = _written(path.parent, content)
    try:
        os.link(draft, path)  # refuses when another process was first; then its pair is the seal
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _certificate(key: rsa.RSAPrivateKey, site: str) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, site[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Record seal, {site}"[:64]),
        ]
    )
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _publish(path: Path, pem: bytes) -> None:
    certificate = x509.load_pem_x509_certificate(pem)
    draft = _written(path.parent, certificate.public_bytes(serialization.Encoding.PEM))
    draft.replace(path)


def _written(directory: Path, content: bytes) -> Path:
    """A complete file on disk, readable by its owner alone, under a name of its own."""
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".", suffix=".draft", delete=False) as draft:
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
    return Path(draft.name)
