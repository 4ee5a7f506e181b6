import hashlib
import sys

import requests

url, ca, file = sys.argv[1:]
session = requests.Session()
session.verify = ca
session.trust_env = False

got = session.get(url + "/large")
got.raise_for_status()
print(hashlib.sha256(got.content).hexdigest())
with open(file, "rb") as content:
    session.put(url + "/by-python3", data=content).raise_for_status()
print(session.head(url + "/large").headers["Content-Length"])
