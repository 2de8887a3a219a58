// SPDX-License-Identifier: ISC
// Tabs that can be hidden: those of playwright-core always believe that they are in
// front, so these are driven by Chromium's own protocol.

/** A page as Tab wants one. */
export class PlainPage {
	/** Opens a tab of `browser` in front of the others. */
	static async open(browser, url) {
		const page = new PlainPage();
		page.session = await browser.newBrowserCDPSession();
		page.session.on('Target.receivedMessageFromTarget', ({ message }) =>
			page.received(JSON.parse(message))
		);
		const { targetId } = await page.session.send('Target.createTarget', {
			url,
		});
		page.targetId = targetId;
		({ sessionId: page.sessionId } = await page.session.send(
			'Target.attachToTarget',
			{ targetId, flatten: false }
		));
		await page.send('Runtime.enable');
		await page.send('Page.enable');
		return page;
	}

	constructor() {
		this.id = 0;
		this.waiting = new Map();
		this.functions = new Map();
	}

	send(method, params = {}) {
		const id = ++this.id;
		return new Promise((resolve, reject) => {
			this.waiting.set(id, { resolve, reject });
			this.session
				.send('Target.sendMessageToTarget', {
					sessionId: this.sessionId,
					message: JSON.stringify({ id, method, params }),
				})
				.catch(reject);
		});
	}

	received({ id, result, error, method, params }) {
		if (method === 'Runtime.bindingCalled')
			this.functions.get(params.name)(...JSON.parse(params.payload));
		if (id === undefined) return;
		if (error) this.waiting.get(id).reject(new Error(error.message));
		else this.waiting.get(id).resolve(result);
		this.waiting.delete(id);
	}

	async evaluate(run, argument = null) {
		const { result, exceptionDetails: thrown } = await this.send(
			'Runtime.evaluate',
			{
				expression: `(${run})(${JSON.stringify(argument)})`,
				awaitPromise: true,
				returnByValue: true,
			}
		);
		if (thrown) throw new Error(thrown.exception.description);
		return result.value;
	}

	async exposeFunction(name, run) {
		this.functions.set(name, run);
		await this.send('Runtime.addBinding', { name });
		await this.evaluate((name) => {
			const bound = window[name];
			window[name] = (...all) => bound(JSON.stringify(all));
		}, name);
	}

	close() {
		return this.session.send('Target.closeTarget', {
			targetId: this.targetId,
		});
	}
}
