"""Log in and send, or look, with Python's libraries. The argument is standard (smtplib, imaplib, poplib)
or aiosmtplib.
"""
import asyncio
import os
import ssl
import sys

env = os.environ
host, port, protocol, mode = env["HOST"], int(env["PORT"]), env["PROTOCOL"], env["MODE"]
user, password, login = env["ACCOUNT"], env["PASSWORD"], env["LOGIN"]
context = ssl.create_default_context(cafile=env["CA"] if env["TRUST"] == "ca" else None)
if env["TRUST"] == "any":
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
if env["TLS"] == "old":
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
if env["TLS"] == "cipher":
    context.set_ciphers("AES128-SHA")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
wait = 5
with open(env["MESSAGE"], "rb") as f:
    message = f.read().replace(b"\n", b"\r\n")


def oauth(challenge=None):
    return f"user={user}\1auth=Bearer {password}\1\1"


def smtp():
    import smtplib
    if mode == "tls":
        s = smtplib.SMTP_SSL(host, port, local_hostname="client.example.test", context=context, timeout=wait)
    else:
        s = smtplib.SMTP(host, port, local_hostname="client.example.test", timeout=wait)
    with s:
        if mode == "starttls":
            s.starttls(context=context)
        s.ehlo_or_helo_if_needed()
        if login == "XOAUTH2":
            s.auth(login, oauth)
        elif login == "CRAM-MD5":
            s.user, s.password = user, password
            s.auth(login, s.auth_cram_md5)
        elif login != "none":
            s.login(user, password)
        s.sendmail(env["SENDER"], ["bob@example.test"], message)


def imap():
    import imaplib
    if mode == "tls":
        m = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=wait)
    else:
        m = imaplib.IMAP4(host, port, timeout=wait)
    with m:
        if mode == "starttls":
            m.starttls(context)
        if login == "XOAUTH2":
            m.authenticate(login, lambda _: oauth().encode())
        elif login == "CRAM-MD5":
            m.login_cram_md5(user, password)
        else:
            m.login(user, password)
        m.select()


def pop3():
    import poplib
    if mode == "tls":
        p = poplib.POP3_SSL(host, port, context=context, timeout=wait)
    else:
        p = poplib.POP3(host, port, timeout=wait)
    if mode == "starttls":
        p.stls(context)
    if login == "APOP":
        p.apop(user, password)
    else:
        p.user(user)
        p.pass_(password)
    p.stat()
    p.quit()


def aiosmtplib_send():
    import aiosmtplib

    async def send():
        s = aiosmtplib.SMTP(hostname=host, port=port, use_tls=mode == "tls", start_tls=False, timeout=wait, tls_context=context, source_address=None)
        await s.connect()
        if mode == "starttls":
            await s.starttls(tls_context=context)
        if login == "CRAM-MD5":
            await s.ehlo()
            await s.auth_crammd5(user, password)
        elif login != "none":
            await s.login(user, password)
        await s.sendmail(env["SENDER"], ["bob@example.test"], message)
        await s.quit()

    asyncio.run(send())


try:
    {"standard": {"smtp": smtp, "imap": imap, "pop3": pop3}.get(protocol), "aiosmtplib": aiosmtplib_send}[sys.argv[1]]()
    print("ok")
except Exception as e:
    print(type(e).__name__, e)
    sys.exit(1)
