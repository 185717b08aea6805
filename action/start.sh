# Starts a rig in the background and waits until it is ready. The steps that follow get the variables of "mailrig run".

if [ -f "$state/pid" ] && kill -0 "$(cat "$state/pid")" 2>/dev/null; then
	fail "a rig is running already in this job; stop it first (mode: stop)"
fi
rm -f "$state/variables" "$state/pid"
args=()
rig_flags
if [ -n "$IN_PORT_OFFSET" ]; then
	args+=("--port-offset=$IN_PORT_OFFSET")
fi
# --quiet: the step that stops the rig tells the findings.
nohup "$mailrig" run --quiet ${args[@]+"${args[@]}"} -- "$here/hold.sh" "$state" </dev/null >"$state/log" 2>&1 &
pid=$!
for ((i = 0; i < 600; i++)); do # a minute
	if [ -f "$state/variables" ] || ! kill -0 "$pid" 2>/dev/null; then
		break
	fi
	sleep 0.1
done
if [ ! -f "$state/variables" ]; then
	kill "$pid" 2>/dev/null || true
	fail "mailrig didn't start: $(cat "$state/log")"
fi
echo "$pid" >"$state/pid"
disown "$pid"

cat "$state/variables" >>"$GITHUB_ENV"
http=$(sed -n 's/^MAILRIG_HTTP=//p' "$state/variables")
output http "$http"
output ca-file "$state/ca.pem"
grep -v ^MAILRIG_PASSWORD= "$state/variables"
