# Send with sendEmail. It trusts what Perl trusts.
set -- sendemail -f "$SENDER" -t bob@example.test -u hello -m hello -s "$HOST:$PORT" -o "fqdn=client.example.test" -o timeout=5
[ "$MODE" = starttls ] && set -- "$@" -o tls=yes || set -- "$@" -o tls=no
[ "$LOGIN" = none ] || set -- "$@" -xu "$ACCOUNT" -xp "$PASSWORD"
[ "$TRUST" = ca ] && export SSL_CERT_FILE="$CA"
exec "$@"
