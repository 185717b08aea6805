# Runs the client under each scenario, or under those of a shard.

[ -n "$IN_RUN" ] || fail "mode: trial needs run, the client as a line for bash"
json=$state/trial.json
rm -f "$json"
args=("--report=$json")
rig_flags
add_lines --shard "$IN_SHARD"
add_lines --resume "$IN_RESUME"
add_lines --baseline "$IN_BASELINE"
add_lines --report "$IN_REPORT"
try "$mailrig" trial "${args[@]}" -- bash -eo pipefail -c "$IN_RUN"
report_trial "$status"
if ((status == 1)) && [ -n "$IN_SHARD" ]; then
	echo "::notice title=mailrig::something failed in shard $IN_SHARD; the step that merges the shards decides"
	exit 0
fi
exit "$status"
