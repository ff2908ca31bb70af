"""SageMaker's training job and model registry, with the story's times: operations that moto dates by the clock."""

from collections.abc import Mapping

from evidence_kit.model.time import Window
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.story import BY_NAME
from evidence_kit.sandbox.incident import HOME, SCORING, SHOP
from evidence_kit.sandbox.wire import Answer, Call, Params, Refusal

_PACKAGE = f"{cast.SAGEMAKER}:model-package/{cast.MODEL_GROUP}/8"
_GROUP = f"{cast.SAGEMAKER}:model-package-group/{cast.MODEL_GROUP}"
_JOB = f"{cast.SAGEMAKER}:training-job/{cast.TRAINING_JOB}"
_ARTIFACT = f"s3://{SCORING.models}/fraud-score/m8/model.tar.gz"


def registry(window: Window) -> Mapping[tuple[str, str], Answer]:
    """Return the operations that are answered here: one job, one group, one package, all in one place."""
    lists = {
        "ListTrainingJobs": ("TrainingJobSummaries", _summary(window)),
        "ListModelPackageGroups": ("ModelPackageGroupSummaryList", _group(window)),
        "ListModelPackages": ("ModelPackageSummaryList", _package(window)),
    }
    things = {
        "DescribeTrainingJob": ("TrainingJobName", cast.TRAINING_JOB, _job(window)),
        "DescribeModelPackageGroup": ("ModelPackageGroupName", cast.MODEL_GROUP, _described_group(window)),
        "DescribeModelPackage": ("ModelPackageName", _PACKAGE, _described_package(window)),
    }
    found: dict[tuple[str, str], Answer] = {("sagemaker", name): _listing(*said) for name, said in lists.items()}
    found |= {("sagemaker", name): _describing(*said) for name, said in things.items()}
    found["sagemaker", "GetModelPackageGroupPolicy"] = _without_policy
    return found


def _listing(member: str, one: Mapping[str, object]) -> Answer:
    def answer(call: Call, params: Params) -> Mapping[str, object]:
        # Packages that belong to no group are asked for by their type.
        is_here = (call.account, call.region) == (SHOP, HOME) and params.get("ModelPackageType") != "Unversioned"
        return {member: [one] if is_here else []}

    return answer


def _describing(param: str, name: str, one: Mapping[str, object]) -> Answer:
    def answer(call: Call, params: Params) -> Mapping[str, object]:
        if (call.account, call.region, params.get(param)) != (SHOP, HOME, name):
            raise Refusal("ValidationException", f"{params.get(param)} does not exist.")
        return one

    return answer


def _without_policy(call: Call, params: Params) -> Mapping[str, object]:
    del call
    raise Refusal("ValidationException", f"Cannot find resource policy for {params.get('ModelPackageGroupName')}")


def _summary(window: Window) -> Mapping[str, object]:
    return {
        "TrainingJobName": cast.TRAINING_JOB,
        "TrainingJobArn": _JOB,
        "CreationTime": BY_NAME["trained"].at(window),
        "TrainingEndTime": BY_NAME["model"].at(window),
        "LastModifiedTime": BY_NAME["model"].at(window),
        "TrainingJobStatus": "Completed",
    }


def _job(window: Window) -> Mapping[str, object]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{cast.FEATURES}/fraud/"}
    return {
        **_summary(window),
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingImage": SCORING.image(":train"), "TrainingInputMode": "File"},
        "RoleArn": f"arn:aws:iam::{SHOP}:role/{cast.RETRAINING_ROLE}",
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "ModelArtifacts": {"S3ModelArtifacts": _ARTIFACT},
        "StoppingCondition": {"MaxRuntimeInSeconds": 7200},
    }


def _group(window: Window) -> Mapping[str, object]:
    return {
        "ModelPackageGroupName": cast.MODEL_GROUP,
        "ModelPackageGroupArn": _GROUP,
        "CreationTime": window.start,
        "ModelPackageGroupStatus": "Completed",
    }


def _described_group(window: Window) -> Mapping[str, object]:
    return {**_group(window), "CreatedBy": {"UserProfileName": cast.RETRAINING_ROLE}}


def _package(window: Window) -> Mapping[str, object]:
    return {
        "ModelPackageGroupName": cast.MODEL_GROUP,
        "ModelPackageVersion": 8,
        "ModelPackageArn": _PACKAGE,
        "CreationTime": BY_NAME["registered"].at(window),
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "Approved",
    }


def _described_package(window: Window) -> Mapping[str, object]:
    container = {"Image": SCORING.image(":serve"), "ModelDataUrl": _ARTIFACT}
    return {
        **_package(window),
        "ModelPackageName": cast.MODEL_GROUP,
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [container]},
        "LastModifiedTime": BY_NAME["approved"].at(window),
        "LastModifiedBy": {"UserProfileName": cast.APPROVER},
        "SourceUri": _JOB,
    }
