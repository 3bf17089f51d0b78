'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const { client, eventually, fresh, refused, root } = require('./world');

test('kv 1', async () => {
  const vault = root();
  const mount = fresh('kv1');
  await vault.mount({ mount_point: mount, type: 'kv', options: { version: '1' } });
  const secret = { user: 'app', n: 1.5, list: [1, null], 'é': 'ü', empty: '' };
  await vault.write(`${mount}/a/one`, secret);
  await vault.write(`${mount}/a/two`, { ttl: '90s' });
  assert.deepEqual((await vault.read(`${mount}/a/one`)).data, secret);
  assert.equal((await vault.read(`${mount}/a/two`)).lease_duration, 90);
  assert.deepEqual((await vault.list(`${mount}/a`)).data.keys, ['one', 'two']);
  const plain = client(vault.token, { noCustomHTTPVerbs: true });
  assert.deepEqual((await plain.list(`${mount}/a`)).data.keys, ['one', 'two']);
  await vault.delete(`${mount}/a/one`);
  await refused(vault.read(`${mount}/a/one`), 404);
  await vault.unmount({ mount_point: mount });
});

test('kv 2', async () => {
  const vault = root();
  const mount = fresh('kv2');
  await vault.mount({ mount_point: mount, type: 'kv-v2', description: 'words' });
  const data = `${mount}/data/app/db`;
  for (const n of [1, 2, 3]) {
    const written = await vault.write(data, { data: { n, text: `t${n}` }, options: { cas: n - 1 } });
    assert.equal(written.data.version, n);
  }
  const words = 'check-and-set parameter did not match the current version';
  await refused(vault.write(data, { data: {}, options: { cas: 1 } }), 400, words);
  assert.deepEqual((await vault.read(`${data}?version=1`)).data.data, { n: 1, text: 't1' });
  const patched = await vault.update(data, { data: { n: 4, text: null } });
  assert.equal(patched.data.version, 4);
  assert.deepEqual((await vault.read(data)).data.data, { n: 4 });
  await vault.write(`${mount}/metadata/app/db`, {
    max_versions: '4', custom_metadata: { owner: 'team' }, delete_version_after: '1h',
  });
  await vault.update(`${mount}/metadata/app/db`, { custom_metadata: { tier: '1' } });
  const metadata = (await vault.read(`${mount}/metadata/app/db`)).data;
  assert.deepEqual(metadata.custom_metadata, { owner: 'team', tier: '1' });
  assert.equal(metadata.max_versions, 4);
  await vault.delete(data);
  await refused(vault.read(data), 404);
  await vault.write(`${mount}/undelete/app/db`, { versions: [4] });
  assert.deepEqual((await vault.read(data)).data.data, { n: 4 });
  await vault.write(`${mount}/delete/app/db`, { versions: ['2', '3'] });
  await vault.destroySecretVersions({ mount_point: mount, path: 'app/db', versions: [1] });
  const { versions } = (await vault.read(`${mount}/metadata/app/db`)).data;
  assert.deepEqual(Object.values(versions).map((version) => version.destroyed),
    [true, false, false, false]);
  assert.deepEqual((await vault.list(`${mount}/metadata/`)).data.keys, ['app/']);
  await vault.delete(`${mount}/metadata/app/db`);
  await refused(vault.read(`${mount}/metadata/app/db`), 404);
});

test('a version ends by itself', async () => {
  const vault = root();
  const mount = fresh('kv2');
  await vault.mount({ mount_point: mount, type: 'kv', options: { version: 2 } });
  await vault.write(`${mount}/config`, { delete_version_after: '1s', cas_required: false });
  await vault.write(`${mount}/data/a`, { data: { n: 1 } });
  await eventually(() => vault.read(`${mount}/data/a`).then(() => false, () => true));
});
