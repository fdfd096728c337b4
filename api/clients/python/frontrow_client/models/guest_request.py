from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.proof_of_work import ProofOfWork


T = TypeVar("T", bound="GuestRequest")


@_attrs_define
class GuestRequest:
    """Empty, except after a `proof-needed`.

    Attributes:
        proof (None | ProofOfWork | Unset):
    """

    proof: None | ProofOfWork | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.proof_of_work import ProofOfWork  # noqa: PLC0415

        proof: dict[str, Any] | None | Unset
        if isinstance(self.proof, Unset):
            proof = UNSET
        elif isinstance(self.proof, ProofOfWork):
            proof = self.proof.to_dict()
        else:
            proof = self.proof

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if proof is not UNSET:
            field_dict["proof"] = proof

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.proof_of_work import ProofOfWork  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_proof(data: object) -> None | ProofOfWork | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                proof_type_0 = ProofOfWork.from_dict(data)

                return proof_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ProofOfWork | Unset, data)

        proof = _parse_proof(d.pop("proof", UNSET))

        guest_request = cls(
            proof=proof,
        )

        return guest_request
