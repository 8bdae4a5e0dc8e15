// Numbers of nuclides as people write them: [⁸⁹Zr]Zr-oxine, as the server writes them on every page.
const MASS_NUMBER = /(?<![\d.])(\d{2,3})(m?)(?=(?:Zr|Nb|Ga|Ge|Y|Cu|In|Lu|Tc|F|Cs|Co|Ba|Ra)(?![a-z]))/g;
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** @param {string} text */
const raised = (text) =>
  text.replace(MASS_NUMBER, (_, mass, m) => [...mass].map((digit) => RAISED[Number(digit)]).join("") + (m ? "ᵐ" : ""));

/** A sentence with its nuclides raised; `verbatim` in it, what was scanned or typed, stays letter by letter.
 * @param {string} text @param {string} [verbatim] */
export const isotopes = (text, verbatim = "") => (verbatim ? text.split(verbatim).map(raised).join(verbatim) : raised(text));
