// SPDX-License-Identifier: ISC
// ping in a tab, on the network of the argument, until SIGUSR2: at SIGTERM
// playwright-core ends the browser.

import { PING, Tab, browse } from './tab.mjs';

const asked = new Promise((resolve) => process.once('SIGUSR2', resolve));
const browser = await browse();
const options = { wasm: PING, networks: { service: process.argv[2] } };
const tab = await Tab.run(browser, options);
await asked;
process.stdout.write(JSON.stringify(await tab.present()) + '\n');
await browser.close();
process.exit(0);
