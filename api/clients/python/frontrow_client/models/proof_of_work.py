from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ProofOfWork")


@_attrs_define
class ProofOfWork:
    """The nonce that was found for the challenge of a `proof-needed`.

    Attributes:
        challenge (str):
        nonce (str): SHA-256 of challenge and nonce, as UTF-8, begins with `bits` zero bits.
    """

    challenge: str
    nonce: str

    def to_dict(self) -> dict[str, Any]:
        challenge = self.challenge

        nonce = self.nonce

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "challenge": challenge,
                "nonce": nonce,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        challenge = d.pop("challenge")

        nonce = d.pop("nonce")

        proof_of_work = cls(
            challenge=challenge,
            nonce=nonce,
        )

        return proof_of_work
