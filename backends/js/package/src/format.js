// SPDX-License-Identifier: ISC
// The digits of doubles, as C's printf has them.

const DIGITS_MAX = 100;

/** JavaScript rounds halves up, C to the even digit: `exact` has all digits of a
 *  value that lies half way, `digits` of which are wanted after the point. */
function even(rounded, exact, digits) {
	const [whole, rest] = exact.split('.');
	const cut = digits > 0 ? `${whole}.${rest.slice(0, digits)}` : whole;
	const isHalf = /^50*$/.test(rest.slice(digits));
	return isHalf && '02468'.includes(cut.at(-1)) ? cut : rounded;
}

/** At least two digits of exponent. */
function exponential(value, digits) {
	const [mantissa, exponent] = value.toExponential(digits).split('e');
	const [exact] = value.toExponential(DIGITS_MAX).split('e');
	return (
		even(mantissa, exact, digits) +
		'e' +
		exponent.replace(/^[+-](?=.$)/, '$&0')
	);
}

/** toFixed turns to exponents from 10^21 on, where there is no fraction. */
function fixed(value, digits) {
	if (value < 1e21)
		return even(
			value.toFixed(digits),
			value.toFixed(DIGITS_MAX),
			digits
		);
	return BigInt(value) + (digits > 0 ? '.' + '0'.repeat(digits) : '');
}

/** The shorter of both, without zeroes at the end unless `alternate`. */
function general(value, precision, alternate) {
	const digits = Math.max(precision, 1);
	const exponent = Number(value.toExponential(digits - 1).split('e')[1]);
	const isFixed = exponent >= -4 && exponent < digits;
	const text = isFixed
		? fixed(value, digits - 1 - exponent)
		: exponential(value, digits - 1);
	return alternate ? text : text.replace(/(\.\d*?)0+(?=e|$)/, '$1')
		.replace(/\.(?=e|$)/, '');
}

/** The text of `value`, not negative, for %f, %e or %g and their capitals. */
export function formatDouble(value, conversion, precision, alternate) {
	const letter = String.fromCharCode(conversion);
	const digits = Math.min(precision < 0 ? 6 : precision, DIGITS_MAX);
	let text;
	if (Number.isNaN(value)) text = 'nan';
	else if (value === Infinity) text = 'inf';
	else if (/f/i.test(letter)) text = fixed(value, digits);
	else if (/g/i.test(letter)) text = general(value, digits, alternate);
	else text = exponential(value, digits);
	if (alternate && /^\d+(e|$)/.test(text))
		text = text.replace(/^\d+/, '$&.');
	return letter < 'a' ? text.toUpperCase() : text;
}
