# Send a message with msmtp. Usage: msmtp.sh LINE... with lines of its configuration.
rc=$(mktemp) || exit 99
trap 'rm -f "$rc"' EXIT
{
	printf '%s\n' defaults "host localhost" "port ${PORT:-$MAILRIG_PORT_587}" "from alice@example.test" "domain client.example.test" \
		"timeout 5" "auth plain" "user $MAILRIG_USER" "password $MAILRIG_PASSWORD" "$@" "account default"
} >"$rc"
msmtp -C "$rc" bob@example.test <"$MSG"
