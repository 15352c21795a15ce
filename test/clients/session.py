"""A session with Python's etcd3 (Debian: python3-etcd3) on grpcio, the C core. Prints what it saw as JSON.

usage: session.py HOST PORT [CA [CERT KEY]]
"""
import json
import sys
import threading

import etcd3

host, port, *files = sys.argv[1:]
ca, cert, key = files + [None] * (3 - len(files))
client = etcd3.client(host=host, port=int(port), ca_cert=ca, cert_cert=cert, cert_key=key, timeout=20)
seen = {}

client.put('a', '1')
seen['get'] = client.get('a')[0].decode()
for i in range(300):
    client.put('list/%03d' % i, 'x' * 1000)
seen['list'] = len(list(client.get_prefix('list/')))
seen['deleted'] = client.delete_prefix('list/').deleted

succeeded, _ = client.transaction(
    compare=[client.transactions.value('a') == '1'],
    success=[client.transactions.put('a', '2'), client.transactions.get('a')],
    failure=[],
)
seen['txn'] = [succeeded, client.get('a')[0].decode()]
seen['replace'] = [client.replace('a', '2', '3'), client.replace('a', '2', '4')]

events, cancel = client.watch_prefix('w/')
writer = threading.Thread(target=lambda: (client.put('w/1', 'one'), client.delete('w/1')))
writer.start()
seen['events'] = [type(next(events)).__name__ for _ in range(2)]
writer.join()
cancel()

lease = client.lease(60)
client.put('leased', 'x', lease=lease)
seen['ttl'] = lease.granted_ttl
lease.refresh()
lease.revoke()
seen['leased'] = client.get('leased')[0]

with client.lock('mutex', ttl=20) as lock:
    seen['lock'] = lock.is_acquired()
seen['members'] = [member.name for member in client.members]
print(json.dumps(seen))
