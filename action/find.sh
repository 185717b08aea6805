# Finds mailrig, or builds it, and lets the steps that follow find it too.

if [ -n "$IN_BINARY" ]; then
	mailrig=$IN_BINARY
	[ -f "$mailrig" ] || fail "binary is '$mailrig', which isn't a file"
	[ -x "$mailrig" ] || fail "binary is '$mailrig', which can't be run; chmod +x it"
	mailrig=$(cd "$(dirname "$mailrig")" && pwd)/$(basename "$mailrig")
elif mailrig=$(command -v mailrig); then
	: # that of an earlier step, or the runner's own
else
	command -v go >/dev/null || fail "there is no mailrig in PATH, and no Go to build it; give its path as binary, or use actions/setup-go before"
	mailrig=$state/bin/mailrig
	echo "building mailrig from the action's source"
	(cd "$IN_HERE" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$mailrig" ./cmd/mailrig) ||
		fail "mailrig can't be built; the lines above say why. Go must be 1.21 or later, and able to fetch the version that go.mod names"
fi
"$mailrig" version || fail "'$mailrig' doesn't run on this runner"
if ! command -v mailrig >/dev/null; then
	dirname "$mailrig" >>"$GITHUB_PATH"
fi
