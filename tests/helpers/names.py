"""Names that try to be more than text where they are shown: in a terminal, a page, a formula, a
template, a shell or source code."""

NAMES = (
    "K0",
    "ordinary name, 2.5 % (no. 1)",
    # a terminal
    "a\x1b[31mred\x1b[0m",
    "a\x1b]0;title\x07",
    "a\rover",
    "a\bb\x7f\x9b31m\x00",
    "abc\u202ecba\u2066",
    "a\u2028b\u2029c\x85d",
    "two\nlines\tand a tab\x0b\x0c",
    "half a \ud800 character",
    # HTML
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;script&gt; & &#60;b&#62;",
    "</td></tr></table><iframe src=//evil.example>",
    "--><!-- ]]>",
    # Markdown
    "[link](javascript:alert(1))",
    "![image](http://evil.example/a.png)",
    "`code` ``two``",
    "a | b || c \\| d",
    "# heading *bold* _it_ ~~no~~",
    "[a]: http://evil.example 'b'",
    "<http://evil.example>",
    "- item",
    # reStructuredText
    "\n\n.. raw:: html\n\n   <script>alert(1)</script>\n\n",
    ".. include:: /etc/passwd",
    "`a`_ *b* |c| ``d`` _`e` f_ [1]_ g__",
    "`link <javascript:alert(1)>`_",
    "::",
    "=====\ntitle\n=====",
    "1. one",
    "http://evil.example and a@b.example",
    # Jinja
    "{{ cycler.__init__.__globals__.os.system('touch canary') }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{# hidden #} {",
    "{{ 7 * 7 }}",
    # LaTeX and formulas in figures
    r"\input{/etc/passwd}",
    r"\immediate\write18{touch canary}",
    r"a$b$ $\frac{$",
    "100 % of & # x^2 ~ {",
    "$$",
    "^^5cinput{canary}",
    # source code
    "__import__('os').system('touch canary'); x",
    '*/ int system(const char *); void f(void) { system("touch canary"); } /*',
    '"""\nimport os; os.system("touch canary")\n"""',
    "x\\",
    "??/\n",
    "if",
    "double",
    "",
    # a shell, a path
    "$(touch canary)",
    "`touch canary`; touch canary & touch canary",
    "../../canary",
    "-rf",
    "K0\n",
    # a spreadsheet, a format
    "=cmd|' /C calc'!A0",
    'a,b;"c"',
    "%s %(x)s {0.__class__} {results} <logs>",
    "nan",
    "x" * 2000,
)
