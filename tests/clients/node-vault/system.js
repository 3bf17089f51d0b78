'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const { client, eventually, fresh, refused, root } = require('./world');

test('mounts', async () => {
  const vault = root();
  const [from, to] = [fresh('mount'), fresh('moved')];
  await vault.mount({
    mount_point: from, type: 'kv', config: { default_lease_ttl: '1h', max_lease_ttl: '24h' },
  });
  await vault.write(`${from}/a`, { n: 1 });
  await vault.write(`sys/mounts/${from}/tune`, { default_lease_ttl: '2h', description: 'words' });
  assert.equal((await vault.read(`sys/mounts/${from}/tune`)).data.default_lease_ttl, 7200);
  await vault.remount({ from, to });
  await eventually(async () => `${to}/` in (await vault.mounts()).data);
  assert.deepEqual((await vault.read(`${to}/a`)).data, { n: 1 });
  await vault.unmount({ mount_point: to });
  await refused(vault.read(`${to}/a`), 404);
  await refused(vault.mount({ mount_point: from, type: 'nothing' }), 400);
});

test('policies', async () => {
  const vault = root();
  const name = fresh('policy');
  const rules = '{ "path": { "secret/*": { "policy": "write" } } }';
  // The old field and the old word for rights.
  await vault.addPolicy({ name, rules });
  assert.equal((await vault.getPolicy({ name })).rules, rules);
  assert.ok((await vault.policies()).policies.includes(name));
  const { client_token } = (await root().tokenCreate({ policies: [name] })).auth;
  const own = client(client_token);
  const rights = await own.write('sys/capabilities-self', { paths: ['secret/a', 'other'] });
  assert.deepEqual(rights['secret/a'], ['create', 'delete', 'list', 'read', 'update']);
  assert.deepEqual(rights.other, ['deny']);
  await refused(own.mounts(), 403, 'permission denied');
  await vault.removePolicy({ name });
  await refused(vault.getPolicy({ name }), 404);
});

test('audit devices', async () => {
  const vault = root();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-'));
  const name = fresh('audit');
  const file = path.join(folder, 'log');
  await vault.enableAudit({ name, type: 'file', options: { file_path: file, mode: '0640' } });
  assert.equal((await vault.audits()).data[`${name}/`].options.file_path, file);
  const { hash } = (await vault.write(`sys/audit-hash/${name}`, { input: vault.token })).data;
  const log = fs.readFileSync(file, 'utf8');
  assert.ok(log.includes(hash));
  assert.ok(!log.includes(vault.token));
  await vault.disableAudit({ name });
  assert.ok(!(`${name}/` in (await vault.audits()).data));
});

test('leases', async () => {
  const vault = root();
  const mount_point = fresh('userpass');
  await vault.enableAuth({ mount_point, type: 'userpass' });
  await vault.write(`auth/${mount_point}/users/u`, { password: 'p' });
  const own = client();
  await own.userpassLogin({ mount_point, username: 'u', password: 'p' });
  const prefix = `auth/${mount_point}/login/u`;
  const { keys } = (await vault.list(`sys/leases/lookup/${prefix}`)).data;
  const lease_id = `${prefix}/${keys[0]}`;
  assert.equal((await vault.write('sys/leases/lookup', { lease_id })).data.id, lease_id);
  await refused(vault.renew({ lease_id }), 400, 'tokens cannot be renewed through this endpoint');
  await vault.revoke({ lease_id });
  await eventually(() => own.tokenLookupSelf().then(() => false, () => true));
  await own.userpassLogin({ mount_point, username: 'u', password: 'p' });
  await vault.revokePrefix({ path_prefix: prefix });
  await eventually(() => own.tokenLookupSelf().then(() => false, () => true));
});

test('identity, quotas, tools', async () => {
  const vault = root();
  const name = fresh('entity');
  const made = await vault.write('identity/entity', { name, metadata: { a: 'b' } });
  const found = await vault.write('identity/lookup/entity', { name });
  assert.equal(found.data.id, made.data.id);
  await vault.write(`sys/quotas/rate-limit/${name}`, { rate: '1000', path: '' });
  assert.equal((await vault.read(`sys/quotas/rate-limit/${name}`)).data.rate, 1000);
  await vault.delete(`sys/quotas/rate-limit/${name}`);
  const random = await vault.write('sys/tools/random/8', { format: 'hex' });
  assert.match(random.data.random_bytes, /^[0-9a-f]{16}$/);
});

test('help', async () => {
  assert.match((await root().help('sys/mounts')).help, /mount/);
});
