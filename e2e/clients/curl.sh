# Send a message, and fetch one by IMAP and one by POP3, with curl. Usage: curl.sh OPTION...
status=0
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
step() { curl -sS -m 5 -o "$out" -u "$MAILRIG_USER:$MAILRIG_PASSWORD" "$@" || status=$?; }
port=$MAILRIG_PORT_587
[ $# -eq 0 ] && port=$MAILRIG_PORT_25 # which takes mail without TLS
step "$@" "smtp://localhost:$port/client.example.test" --mail-from alice@example.test --mail-rcpt bob@example.test -T "$MSG"
step "$@" "imap://localhost:$MAILRIG_PORT_143/INBOX;MAILINDEX=1"
step "$@" "pop3://localhost:$MAILRIG_PORT_110/1"
exit $status
