"""Who and what the hybrid incident is about: actors, addresses, credentials and resources, all made up."""

from evidence_kit.sandbox.incident import HOME, SHOP
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION

# -- where they come from ---------------------------------------------------------------------------------------
ATTACKER = "203.0.113.66"  # the same machine in all four estates; in AWS a second one follows, `incident.ATTACKER_IP`
SUPPLIER = "192.0.2.40"  # the supplier's own platform
OFFICE = "192.0.2.77"  # the shop's developers
PIPELINE = "10.20.6.11"  # the shop's own network in AWS
# All that is the shop's: offices and clouds, those who run its platform, its build machines, its responders.
NETWORKS = ("10.0.0.0/8", "192.0.2.64/26", "203.0.113.10/32", "203.0.113.77/32", "203.0.113.200/32")

# -- the code host ----------------------------------------------------------------------------------------------
ORG, REPO, DEVELOPER = "shop-example", "shop-example/feature-feed", "noor-dev"

# -- the supplier -----------------------------------------------------------------------------------------------
ACME, ACME_SOURCE = "acme_supplier", "acme_supplier.api_audit"
CUSTOMER = "shop-example"
CLIENT = "shop-feature-feed"  # whom the leaked API key stands for
API_KEY = "ak_live_shop_7f31"  # how the supplier's audit names the key; the key itself is nowhere
ACME_DESK = "trust@acme-supplier.example"

# -- AWS --------------------------------------------------------------------------------------------------------
ACME_ACCOUNT = "777788889999"
DELIVERY_ROLE, RETRAINING_ROLE, APPROVER = "acme-delivery", "ml-retraining", "maria.lopez"
GOOD_SESSION, BAD_SESSION = "ASIAEXAMPLEACMEGOOD1", "ASIAEXAMPLEACMEEVIL6"
FEATURES = f"shop-features-{SHOP}"
NEW_FILE, OVERWRITTEN = "fraud/chargebacks/part-0031.parquet", "fraud/merchants/trust.parquet"
TRAINING_JOB, MODEL, MODEL_CONFIG, MODEL_GROUP = (
    "fraud-score-m8-nightly",
    "fraud-score-m8",
    "fraud-score-8",
    "fraud-score",
)
SAGEMAKER = f"arn:aws:sagemaker:{HOME}:{SHOP}"

# -- Microsoft --------------------------------------------------------------------------------------------------
APP, APP_ID = "shop-assistant", "5f0a4c1e-7b2d-4e86-9a31-2c8d6e7f1b04"
APP_OBJECT = "9d7e2b60-4c1f-4a53-8b0e-1f6a5c3d2e05"
APP_SECRET_ID = "e1c0a9b8-3d4f-4b6a-8c7d-5f2e1a0b9c06"  # noqa: S105  the secret's number, not the secret
OPENAI = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/assist/providers/Microsoft.CognitiveServices/accounts/shop-assist"
)

# -- Google Cloud -----------------------------------------------------------------------------------------------
PROJECT, PLACE = "shop-prod-1", "europe-west4"
ROBOT = f"model-runner@{PROJECT}.iam.gserviceaccount.com"
ROBOT_PATH = f"projects/{PROJECT}/serviceAccounts/{ROBOT}"
ROBOT_KEY = f"//iam.googleapis.com/{ROBOT_PATH}/keys/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
ENDPOINT = f"projects/{PROJECT}/locations/{PLACE}/endpoints/31"
VERTEX_MODEL = f"projects/{PROJECT}/locations/{PLACE}/models/77"
