import json, os, smtplib, sys, urllib.request
rig, me = os.environ["MAILRIG_HTTP"], sys.argv[1]
def call(path, method="GET"):
    return json.load(urllib.request.urlopen(urllib.request.Request(rig + path, method=method)))
start = call("/api/v1/mail?limit=0")["next"]
with smtplib.SMTP(os.environ["MAILRIG_HOST"], int(os.environ["MAILRIG_PORT_25"])) as app:  # here your app sends the mail
    app.sendmail("shop@example.test", me, "Subject: Welcome\n\nYour code is 482913, or go to https://shop.test/c?u=1.")
answer = call(f"/api/v1/wait?message=to:{me}+subject:Welcome&after={start}")
assert answer["met"], answer["text"]
mail = answer["messages"][0]
assert mail["codes"] == ["482913"] and mail["links"] == ["https://shop.test/c?u=1"], mail
assert call(f"/api/v1/mail?user={me}", "DELETE")["deleted"] == 1
