#!/usr/bin/env bash
# What the action does: checks its inputs, finds or builds mailrig, and does what "mode" says. The inputs are in IN_…
# variables; see action.yml.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

case $IN_MODE in
start) takes=(SCENARIO USER AUTH ARGS PORT_OFFSET) ;;
stop) takes=() ;;
trial) takes=(SCENARIO USER AUTH ARGS RUN SHARD RESUME BASELINE REPORT) ;;
merge) takes=(REPORTS REPORT) ;;
*) fail "mode is '$IN_MODE'; give start, stop, trial or merge" ;;
esac
for input in SCENARIO USER AUTH ARGS PORT_OFFSET RUN SHARD RESUME BASELINE REPORTS REPORT; do
	variable=IN_$input
	if [ -n "${!variable}" ] && [[ " ${takes[*]-} " != *" $input "* ]]; then
		warn "$(input_name "$input") has no effect with mode: $IN_MODE"
	fi
done
case $IN_TRUST in true | false) ;; *) fail "trust is '$IN_TRUST'; give true or false" ;; esac
case $IN_FAIL_ON in error | warning | never) ;; *) fail "fail-on is '$IN_FAIL_ON'; give error, warning or never" ;; esac
case $OSTYPE in linux* | darwin*) ;; *) fail "the action runs on Linux and macOS; on other systems use 'mailrig run -- your tests'" ;; esac
command -v jq >/dev/null || fail "jq isn't installed on this runner; install it in a step before"

mkdir -p "$state"
. "$here/find.sh"
. "$here/$IN_MODE.sh"
