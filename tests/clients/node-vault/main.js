'use strict';

const { before } = require('node:test');

before(require('./world').openUp);

require('./kv');
require('./tokens');
require('./logins');
require('./system');
// Last, as it seals the server.
require('./seal');
