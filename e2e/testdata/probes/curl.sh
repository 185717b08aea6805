# Use a mailbox with curl, inside TLS and logged in. Usage: curl.sh imap|pop3 PATH [OPTION...]
# PATH is curl's, like "INBOX;UID=1" or 1; the options are curl's too.
if [ "$1" = imap ]; then url=imaps://localhost:$MAILRIG_PORT_993; else url=pop3s://localhost:$MAILRIG_PORT_995; fi
path=$2
shift 2
exec curl -sS --cacert "$MAILRIG_CA_FILE" -u "$MAILRIG_USER:$MAILRIG_PASSWORD" "$@" "$url/$path"
