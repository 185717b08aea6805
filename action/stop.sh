# Tells what the clients of the rig did wrong, and stops it.

if [ ! -f "$state/pid" ]; then
	fail "no rig is running in this job; use mode: start in a step before"
fi
pid=$(cat "$state/pid")
http=$(sed -n 's/^MAILRIG_HTTP=//p' "$state/variables")
if ! kill -0 "$pid" 2>/dev/null; then
	fail "the rig has ended before its time: $(tail -n 5 "$state/log")"
fi
findings=$state/findings.jsonl
"$mailrig" sessions --findings --json --http "$http" >"$findings" || fail "the rig at $http doesn't tell its findings"
kill "$pid"
for ((i = 0; i < 300; i++)); do # half a minute
	kill -0 "$pid" 2>/dev/null || break
	sleep 0.1
done
kill -9 "$pid" 2>/dev/null || true
rm -f "$state/pid"

errors=$(jq -s 'map(select(.severity == "error")) | length' "$findings")
warnings=$(jq -s 'map(select(.severity == "warning")) | length' "$findings")
output errors "$errors"
output warnings "$warnings"
jq -r -s -L "$here" -f "$here/findings-annotations.jq" "$findings"
jq -r -s -L "$here" -f "$here/findings-summary.jq" "$findings" >>"$GITHUB_STEP_SUMMARY"
case $IN_FAIL_ON in
error) bad=$errors ;;
warning) bad=$((errors + warnings)) ;;
never) bad=0 ;;
esac
if ((bad > 0)); then
	exit 1 # the annotations have said why
fi
