#!/usr/bin/python
# Ansible module for poolctl: storage pools and volumes as definitions say.
#
# License: Apache-2.0

DOCUMENTATION = r"""
module: poolctl
short_description: Make libvirt's storage pools and volumes as definitions say
description:
  - Runs C(poolctl apply), which defines, builds, starts and stops pools, and creates and grows volumes.
  - Supports check mode, with C(poolctl diff), and C(--diff).
requirements: [poolctl]
options:
  pools:
    description:
      - Definitions of pools, as in poolctl-apply(7), with the keys C(state) and C(volumes).
      - Modes must be quoted, because Ansible reads C(0711) as a decimal number.
    type: list
    elements: dict
    required: true
  set:
    description: Name of the set that the definitions belong to. Needed for O(prune).
    type: str
  prune:
    description: Stop and undefine pools of the set that are not in O(pools). Their data stay.
    type: bool
    default: false
  delete:
    description: Delete volumes that are declared with C(state=absent).
    type: bool
    default: false
  restart:
    description: Restart pools that run with an older definition.
    type: bool
    default: false
  adopt:
    description: Take over pools that another set, or no set, manages.
    type: bool
    default: false
  config_dir:
    description: Directory of the definitions.
    type: path
  executable:
    description: The program poolctl.
    type: path
    default: poolctl
"""

EXAMPLES = r"""
- name: A pool of images
  poolctl:
    pools:
      - name: images
        type: dir
        target: {path: /var/lib/images, mode: "0711"}
        state: {built: if-missing, active: true, autostart: true}
        volumes:
          - {name: base.qcow2, capacity: 10GiB, format: qcow2}
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode (docs/schema/changes.json).
  type: list
  returned: success
"""

import json

from ansible.module_utils.basic import AnsibleModule


def check_modes(module, value, key=""):
    """Fails if a mode is a number: 0711 has become 457 by now, which poolctl would read as 0457."""
    if isinstance(value, dict):
        for name, item in value.items():
            check_modes(module, item, name)
    elif isinstance(value, list):
        for item in value:
            check_modes(module, item)
    elif key == "mode" and isinstance(value, int):
        module.fail_json(msg='a mode must be quoted: "%04o"' % value)


def poolctl(module, verb, arguments, statuses):
    """Runs a verb on the definitions, and returns its output, and its status, which must be one of statuses."""
    p = module.params
    command = [module.get_bin_path(p["executable"], required=True, opt_dirs=["/usr/local/sbin"])]
    if p["config_dir"]:
        command += ["--config-dir", p["config_dir"]]
    command += [verb, "-"] + arguments
    if p["set"]:
        command += ["--set", p["set"]]
    command += ["--" + name for name in ("prune", "delete", "restart", "adopt") if p[name]]
    definitions = "".join("---\n%s\n" % json.dumps(pool) for pool in p["pools"])
    status, out, err = module.run_command(command, data=definitions, environ_update={"POOLCTL_OUTPUT": ""})
    if status not in statuses:
        fail(module, status, out, err)
    return out


def fail(module, status, out, err):
    """Fails with poolctl's errors, and with what was changed before."""
    lines = err.strip().split("\n")
    try:
        error = json.loads(lines[-1])["error"]
        text = "\n".join([error["text"]] + [problem["text"] for problem in error["problems"]])
    except (ValueError, KeyError):
        text = err
    try:
        result = json.loads(out)
    except ValueError:
        result = {}
    module.fail_json(msg=text or "poolctl failed", rc=status, changed=result.get("changed", False),
                     changes=result.get("changes", []))


def made(change, check_mode):
    """Reports whether a change was made, or would be."""
    if check_mode:
        return change["action"] != "compare" and not change["needs"] and not change["error"]
    return change["done"]


def states(changes):
    """Returns what Ansible compares for --diff: a line for each thing that is changed, as it was and as it is."""
    before, after = [], []
    for change in changes:
        name = change["pool"]
        if change["volume"]:
            name += "/" + change["volume"]
        line = "%s %s: %s: " % (change["kind"], name, change["field"] or change["action"])
        for lines, value in ((before, change["from"]), (after, change["to"])):
            if value is not None:
                lines.append(line + value + "\n")
    return {"before": "".join(before), "after": "".join(after)}


def main():
    module = AnsibleModule(
        argument_spec={
            "pools": {"type": "list", "elements": "dict", "required": True},
            "set": {"type": "str"},
            "prune": {"type": "bool", "default": False},
            "delete": {"type": "bool", "default": False},
            "restart": {"type": "bool", "default": False},
            "adopt": {"type": "bool", "default": False},
            "config_dir": {"type": "path"},
            "executable": {"type": "path", "default": "poolctl"},
        },
        required_if=[("prune", True, ("set",))],
        supports_check_mode=True,
    )
    check_modes(module, module.params["pools"])
    if module.check_mode:
        text = poolctl(module, "diff", ["-o", "json"], [0, 10])
    else:
        text = poolctl(module, "apply", ["-o", "json"], [0])
    document = json.loads(text)
    changes = document["changes"]
    result = {"changed": document["changed"], "changes": changes}
    if module._diff:
        result["diff"] = states([change for change in changes if made(change, module.check_mode)])
    if document["failed"]:  # only in check mode: apply would fail
        errors = ["%s: %s" % (change["volume"] or change["pool"], change["error"]) for change in changes if change["error"]]
        module.fail_json(msg="\n".join(errors), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
