"""IAM's policy simulator: whoever asks here may do everything but what the test forbids."""

from collections.abc import Mapping

from evidence_kit.sandbox.wire import Answer, Call, Params


class Simulator:
    """Judges actions by `forbidden`: an account to the actions that it denies, each with IAM's word for it."""

    def __init__(self) -> None:
        self.forbidden: dict[str, Mapping[str, str]] = {}

    @property
    def answers(self) -> dict[tuple[str, str], Answer]:
        """Return what this serves, for `Wire`."""
        return {("iam", "SimulatePrincipalPolicy"): self.simulate}

    def simulate(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer SimulatePrincipalPolicy."""
        denied = self.forbidden.get(call.account, {})
        names = params.get("ActionNames")
        results = [
            {"EvalActionName": name, "EvalDecision": denied.get(name, "allowed"), "EvalResourceName": "*"}
            for name in (names if isinstance(names, list) else [])
        ]
        return {"EvaluationResults": results, "IsTruncated": False}
