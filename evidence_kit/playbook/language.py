"""The playbook language, version 1: every field there is, for the parser, the JSON Schema and the reference alike."""

from evidence_kit.model.grammar import Field, Shape, Variants, nested

API_VERSION = "evidence-kit/v1"
KIND = "Playbook"
NAME = r"[a-z][a-z0-9_]{0,63}"  # of steps, inputs, target sets, outputs: a name in expressions and in SQL alike
ID = r"[a-z0-9][a-z0-9-]{1,99}"
OUTCOMES = ("success", "partial", "failed", "skipped", "denied", "timed_out")
ANY = "any"
VERBS = ("read", "preserve", "hold", "notify")
PLAIN_TYPES = (
    "string", "int", "double", "bool", "timestamp", "duration", "window", "ip", "network", "arn", "email",
)  # fmt: skip
SECRET = "secret"  # noqa: S105 - the name of a type
TYPES = (*PLAIN_TYPES, SECRET, *(f"list<{name}>" for name in PLAIN_TYPES if name != "window"))
PHASES = ("preparation", "identification", "containment", "eradication", "recovery", "lessons_learned")
FORMATS = ("html", "md", "json", "pdf")
_TEMPLATE = "`${{ … }}` stands for the value of an expression"
_WINDOW = Shape(
    {
        "last": Field(help="a duration that ends when the run starts", kind="period"),
        "since": Field(help=f"first moment; {_TEMPLATE}"),
        "until": Field(help=f"first moment that is not within; {_TEMPLATE}"),
        "around": Field(help=f"a moment; {_TEMPLATE}"),
        "before": Field(help="how long before it", kind="period"),
        "after": Field(help="how long after it", kind="period"),
    },
    one_of=("last", "since", "around"),
)
_TYPE = Field(help="the type of its values", among=TYPES, required=True)
_INPUT = Shape(
    {
        "type": _TYPE,
        "description": Field(help="what to give, for whoever is asked", required=True),
        "required": Field(help="whether the run needs it; `false` if not said", kind="bool"),
        "default": Field(help="its value where none is given", kind="data"),
        "pattern": Field(help="regular expression (RE2) that a text has to match as a whole"),
        "among": Field(help="the only texts it may be", many=True),
    }
)
_TARGETS = Shape(
    {
        "providers": Field(help="providers as in the inventory; `*` is any", many=True, required=True),
        "where": Field(
            help="expression over `target` (its id, name, labels, regions, jurisdiction) and `inputs`", kind="cel"
        ),
        "min": Field(
            help="fewer stop the plan; 1 if not said, 0 lets the steps on them be skipped", kind="int", least=0
        ),
        "max": Field(
            help="more stop the plan, so that nobody is left out unseen; 100 if not said", kind="int", least=1
        ),
    }
)
_POLICY = Shape(
    {
        "purpose": Field(help="what the evidence is for", required=True),
        "legal_basis": Field(help="short names of the legal grounds", many=True),
        "personal_data": Field(help="whether any is to be expected", among=("none", "possible", "expected")),
        "allow": Field(help="what the steps may do; `read` alone if not said", among=VERBS, many=True),
        "minimise": nested(
            "limits on what is asked for and on what reports show; sealed evidence is never edited",
            Shape(
                {
                    "max_window": Field(help="the longest window that a step may ask for", kind="period"),
                    "drop": Field(help="fields that reports leave out", many=True),
                    "pseudonymise": Field(help="fields that reports show as pseudonyms", many=True),
                }
            ),
        ),
        "retention": Field(help="how long the case is to be kept", kind="period"),
    }
)
_CLOCK = Shape(
    {
        "use": Field(
            help="id of a regulatory clock; `contract` is what the agreement with a target says", required=True
        ),
        "when": Field(help="expression: whether it starts", kind="cel", required=True),
        "start": Field(help="expression: the moment that a person recorded", kind="cel", required=True),
        "target": Field(help=f"of `contract`: the target with the agreement; {_TEMPLATE}"),
    }
)
_NEED = Shape(
    {
        "step": Field(help="id of a step", required=True),
        "accept": Field(help="outcomes after which this step may run", among=(*OUTCOMES, ANY), many=True),
    }
)
_FOR_EACH = Shape(
    {
        "items": Field(help=f"a list: {_TEMPLATE}", required=True),
        "as": Field(help="the name of one item in `with`", pattern=NAME, required=True),
        "max": Field(help="more are left out, as a gap; 100 if not said", kind="int", least=1),
    }
)
_RETRY = Shape(
    {
        "attempts": Field(help="how often at the most; 1 if not said", kind="int", least=1),
        "backoff": Field(help="how long to wait before the next; `PT5S` if not said", kind="period"),
    }
)
_COMMON = {
    "id": Field(help="its name in expressions, and that of its table in SQL", pattern=NAME, required=True),
    "name": Field(help="what it does, in a few words"),
    "description": Field(help="why, for people"),
    "phase": Field(help="of the incident response", among=PHASES),
    "needs": Field(
        help="steps that come first; after `success` or `partial` unless `accept` says otherwise",
        shape=_NEED,
        many=True,
    ),
    "when": Field(help="expression: whether it runs", kind="cel"),
    "on_error": Field(
        help="`continue` or `stop`: whether the run goes on after a failure; collections continue unless they say",
        among=("continue", "stop"),
    ),
    "timeout": Field(help="how long it may take", kind="period"),
}
_WITH = Field(help=f"parameters; {_TEMPLATE}", kind="data")
_ON = Field(help="the name of a set of targets")
_EACH = nested("run it for every item of a list", _FOR_EACH)
_ROLE = Field(help="who is asked, in the organisation's words")
_OUTPUT = Shape(
    {
        "column": Field(help="column of the answer", required=True),
        "type": Field(
            help="type of its values; `list<string>` if not said, without `list` the first row's", among=TYPES
        ),
        "max": Field(help="more are left out, as a gap; 100 if not said", kind="int", least=1),
    }
)
_CHECK = Shape(
    {
        "verify": Field(help="`case`: all that `evidence-kit verify` checks", among=("case",)),
        "complete": Field(help="steps of which every unit has to be whole", many=True),
        "proofs": Field(
            help="the provider's own proofs, such as CloudTrail's digests, must not contradict", kind="bool"
        ),
        "assert": Field(help="expression that has to be true", kind="cel"),
        "sql": Field(help="SELECT that must find nothing"),
        "message": Field(help="what it means if not", required=True),
        "level": Field(help="`error` if not said; `warn` makes the step partial", among=("warn", "error")),
    },
    one_of=("verify", "complete", "proofs", "assert", "sql"),
)
_ANSWER_FIELD = Shape(
    {
        "type": Field(help="type of the answer", among=PLAIN_TYPES, required=True),
        "description": Field(help="what to give"),
        "required": Field(help="whether it must be given; `false` if not said", kind="bool"),
    }
)
_OPTION = Shape(
    {
        "value": Field(help="what expressions see", pattern=NAME, required=True),
        "label": Field(help="what people see"),
    }
)
_APPROVAL = Field(help="id of the step that approves it", required=True)
STEP = Variants(
    "type",
    {
        "collect": Shape(
            _COMMON
            | {
                "sources": Field(help="sources, groups or patterns of them", many=True, required=True),
                "targets": _ON,
                "window": Field(
                    help=f"a window, or {_TEMPLATE} for one; the input `window` if not said", shape=_WINDOW
                ),
                "with": _WITH,
                "for_each": _EACH,
                "volatile": Field(help="whether it goes before others that could run now", kind="bool"),
                "retry": nested("try again what is still open", _RETRY),
            }
        ),
        "query": Shape(
            _COMMON
            | {
                "from": Field(
                    help="steps whose evidence makes the table `evidence`; the whole case if not said", many=True
                ),
                "sql": Field(help="one SELECT; `$name` stands for a parameter, never `${{ }}`"),
                "saved": Field(help="name of a question that comes with the kit"),
                "sigma": Field(help="ids, titles or file names of Sigma rules that come with the kit", many=True),
                "params": Field(help=f"values of `$name`; {_TEMPLATE}", kind="data"),
                "outputs": nested("what later steps may use", _OUTPUT, keys=NAME),
                "max_rows": Field(
                    help="rows that are kept; more are left out, as a gap; 10000 if not said", kind="int", least=1
                ),
            },
            one_of=("sql", "saved", "sigma"),
        ),
        "verify": Shape(_COMMON | {"checks": nested("what has to hold", _CHECK, required=True, many=True)}),
        "decide": Shape(
            _COMMON
            | {
                "by": Field(help="`person` if not said, or `rule`", among=("person", "rule")),
                "question": Field(help="what is asked", required=True),
                "options": nested("what may be answered", _OPTION, required=True, many=True),
                "multiple": Field(help="whether several may be chosen", kind="bool"),
                "fields": nested("what else is asked", _ANSWER_FIELD, keys=NAME),
                "rule": Field(help="expression: the value of an option", kind="cel"),
                "role": _ROLE,
                "guidance": Field(help="what helps to answer"),
                "default_on_timeout": Field(help="the option that stands when time is up: the cautious one"),
            }
        ),
        "approve": Shape(
            _COMMON
            | {
                "prompt": Field(help="what is to be approved, and why", required=True),
                "role": _ROLE,
                "min": Field(help="how many have to; 1 if not said", kind="int", least=1),
                "not_operator": Field(
                    help="whether whoever runs the playbook does not count; `true` if not said", kind="bool"
                ),
                "covers": Field(help="the steps it is about", many=True, required=True),
            }
        ),
        "preserve": Shape(
            _COMMON
            | {
                "action": Field(help="an action that keeps a copy, such as a snapshot", required=True),
                "approval": _APPROVAL,
                "targets": _ON,
                "with": _WITH,
                "for_each": _EACH,
            }
        ),
        "hold": Shape(
            _COMMON
            | {
                "action": Field(
                    help="an action that keeps something from being deleted; `case` holds this case", required=True
                ),
                "matter": Field(help=f"what the hold is called; {_TEMPLATE}", required=True),
                "approval": _APPROVAL,
                "targets": _ON,
                "with": _WITH,
                "for_each": _EACH,
            }
        ),
        "notify": Shape(
            _COMMON
            | {
                "channel": Field(help=f"name of a channel of the organisation; {_TEMPLATE}", required=True),
                "message": Field(help=f"what is said, without a word of evidence; {_TEMPLATE}", required=True),
            }
        ),
        "report": Shape(
            _COMMON
            | {
                "formats": Field(help="how it is written", among=FORMATS, many=True, required=True),
                "audience": Field(
                    help="`internal` if not said; for others the policy's `minimise` applies",
                    among=("internal", "partner", "regulator", "public"),
                ),
                "title": Field(help="its title"),
            }
        ),
        "playbook": Shape(
            _COMMON
            | {
                "playbook": Field(help="`id@major` of another playbook", pattern=rf"{ID}@\d+", required=True),
                "sha256": Field(help="the digest of exactly that file", pattern="[0-9a-f]{64}"),
                "with": Field(help=f"its inputs; {_TEMPLATE}", kind="data"),
            }
        ),
        "manual": Shape(
            _COMMON
            | {
                "instructions": Field(help="what a person does outside of the kit", required=True),
                "role": _ROLE,
                "intake": Field(help="whether files are handed in, by `evidence-kit intake`", kind="bool"),
                "fields": nested("what is asked of whoever did it", _ANSWER_FIELD, keys=NAME),
            }
        ),
    },
)
PLAYBOOK = Shape(
    {
        "apiVersion": Field(help=f"`{API_VERSION}`", among=(API_VERSION,), required=True),
        "kind": Field(help=f"`{KIND}`", among=(KIND,), required=True),
        "metadata": nested(
            "what it is",
            Shape(
                {
                    "id": Field(help="its name", pattern=ID, required=True),
                    "version": Field(help="of this file, as `1.0.0`", pattern=r"\d+\.\d+\.\d+", required=True),
                    "title": Field(help="what has happened, in a line", required=True),
                    "description": Field(help="what it does about it", required=True),
                    "authors": Field(help="who wrote it", many=True),
                    "tlp": Field(
                        help="traffic light protocol 2.0", among=("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
                    ),
                    "labels": Field(help="words to find it by", many=True),
                    "references": Field(help="addresses of what it rests on", pattern="https://.+", many=True),
                    "frameworks": Field(help="names of frameworks with ids of their entries", kind="values"),
                    "reviewed": Field(
                        help="when somebody last held it against the facts", pattern=r"\d{4}-\d\d-\d\d"
                    ),
                }
            ),
            required=True,
        ),
        "triggers": nested(
            "events that call for it",
            Shape(
                {
                    "source": Field(help="where such events come from", required=True),
                    "match": Field(help="expression over `event`", kind="cel"),
                    "map": Field(help="inputs from the event; `${{ }}` over `event`", kind="texts"),
                }
            ),
            many=True,
        ),
        "inputs": nested("what has to be known", _INPUT, keys=NAME),
        "targets": nested("whom it is about, chosen from the inventory", _TARGETS, keys=NAME),
        "policy": nested("what the steps are for and may do", _POLICY, required=True),
        "clocks": nested("regulatory clocks that may start", _CLOCK, keys=NAME),
        "defaults": nested(
            "what steps have that say nothing else",
            Shape(
                {
                    "workers": Field(help="units at once; 256 if not said", kind="int", least=1),
                    "timeout": Field(help="of one step", kind="period"),
                    "retry": nested("of collections", _RETRY),
                }
            ),
        ),
        "steps": nested("what is done", STEP, required=True, many=True),
        "outputs": Field(help="what a playbook that calls this one gets: names and expressions", kind="texts"),
    }
)
