# Fetch with getmail.
type=$(case $PROTOCOL-$MODE in imap-tls) echo SimpleIMAPSSLRetriever ;; imap-*) echo SimpleIMAPRetriever ;; pop3-tls) echo SimplePOP3SSLRetriever ;; pop3-*) echo SimplePOP3Retriever ;; esac)
mkdir -p "$HOME/box/new" "$HOME/box/cur" "$HOME/box/tmp" "$HOME/state"
cat >"$HOME/rc" <<END
[retriever]
type = $type
server = $HOST
port = $PORT
username = $ACCOUNT
password = $PASSWORD
timeout = 5
$([ "$PROTOCOL" = imap ] && echo 'mailboxes = ("INBOX",)')
$([ "$MODE" = tls ] && [ "$TRUST" = ca ] && printf 'ca_certs = %s\nssl_cert_hostname = %s' "$CA" "$HOST")
$([ "$TLS" = cipher ] && printf 'ssl_ciphers = AES128-SHA')
[destination]
type = Maildir
path = $HOME/box/
[options]
delete = false
END
exec getmail --getmaildir "$HOME/state" --rcfile "$HOME/rc"
