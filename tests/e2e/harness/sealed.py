"""Opens sealed values with the key in the tests' state directory, by OpenSSL alone and independent of the server's
code: AES-256-GCM under HMAC-SHA-256(root, "registrar:seal:"), nonce first, tag last (component/base/seal.c).

A registration that a crash left half-made has a JID password that no reply ever told; with it a test can ask the XMPP
server whether the JID is there.
"""

import ctypes
import ctypes.util
import hashlib
import hmac

_NONCE, _TAG = 12, 16
_SET_TAG = 0x11  # EVP_CTRL_AEAD_SET_TAG


def _crypto():
    library = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
        getattr(library, name).restype = ctypes.c_void_p
    return library


def _open(key, context, sealed):
    library = _crypto()
    nonce, text, tag = sealed[:_NONCE], sealed[_NONCE:-_TAG], sealed[-_TAG:]
    cipher = ctypes.c_void_p(library.EVP_CIPHER_CTX_new())
    plain, length = ctypes.create_string_buffer(len(text) + 16), ctypes.c_int()
    try:
        right = (
            library.EVP_DecryptInit_ex(cipher, ctypes.c_void_p(library.EVP_aes_256_gcm()), None, key, nonce) == 1
            and library.EVP_DecryptUpdate(cipher, None, ctypes.byref(length), context, len(context)) == 1
            and library.EVP_DecryptUpdate(cipher, plain, ctypes.byref(length), text, len(text)) == 1
            and library.EVP_CIPHER_CTX_ctrl(cipher, _SET_TAG, _TAG, tag) == 1
            and library.EVP_DecryptFinal_ex(cipher, plain, ctypes.byref(length)) == 1
        )
    finally:
        library.EVP_CIPHER_CTX_free(cipher)
    assert right, "the sealed value does not open with the key on file"
    return plain.raw[: len(text)]


def jid_password(key_file, local, sealed):
    """The password of the JID with this local part; `sealed` as it stands in accounts.jid_password."""
    root = bytes.fromhex(key_file.read_text(encoding="ascii").strip().split(",")[0].split(":")[1])
    key = hmac.new(root, b"registrar:seal:", hashlib.sha256).digest()
    return _open(key, f"jid:{local}".encode(), bytes(sealed)).decode()
