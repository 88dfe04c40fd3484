"""The keys that each family's config class in transformers writes: test/fixtures/config_class_keys.json.

    python tools/config_class_keys.py MODEL_TYPE …

A test holds the families' lists (`config_keys`) to them. Needs transformers 5.
"""

import json
import sys
from pathlib import Path

from transformers.models.auto.configuration_auto import CONFIG_MAPPING

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "config_class_keys.json"

known = json.loads(OUT.read_text()) if OUT.exists() else {}
for model_type in sys.argv[1:]:
    known[model_type] = sorted(CONFIG_MAPPING[model_type]().to_dict())
OUT.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
