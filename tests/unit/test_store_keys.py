"""The site's key is made once, is its owner's alone, and signs what only this site can have signed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from salus.core.errors import AwayError, EvidenceError, RefusedError
from salus.store.keys import signed_by, site_key


def test_a_key_is_made_on_first_use_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "site.key"
    key = site_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert site_key(file).public == key.public
    assert len(key.public) == 32


def test_a_signature_holds_for_its_message_and_site_alone(tmp_path: Path) -> None:
    key, other = site_key(tmp_path / "a"), site_key(tmp_path / "b")
    signature = key.sign(b"news2 is live")
    assert key.verify(b"news2 is live", signature)
    assert signed_by(key.public, b"news2 is live", signature)
    assert not key.verify(b"ckd is live", signature)
    assert not other.verify(b"news2 is live", signature)
    assert not key.verify(b"news2 is live", b"")
    assert not signed_by(b"short", b"news2 is live", signature)


def test_many_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(site_key, [tmp_path / "site.key"] * 8))
    assert len({key.public for key in found}) == 1


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "site.key"
    site_key(file)
    file.chmod(0o640)
    with pytest.raises(RefusedError, match="chmod 600"):
        site_key(file)


@pytest.mark.parametrize(
    "content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_holds_no_key(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "site.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(EvidenceError, match="holds no Ed25519 key"):
        site_key(file)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AwayError, match="cannot be used"):
        site_key(tmp_path / "none" / "site.key")


def test_the_private_key_is_never_shown(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(site_key(tmp_path / "site.key"))
