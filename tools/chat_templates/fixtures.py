"""test/fixtures/chat_templates.json: chat templates and messages with the text that transformers' apply_chat_template makes of them.

usage: python fixtures.py OUT.json [MORE.jinja …]    (transformers 5.24, jinja2 3.1)
The templates are written for this file, each with the constructs and the layout of a family's own. Others may be given as files, to look whether
Whittle agrees with the library on them too (WHITTLE_CHAT_TEMPLATES=OUT.json npx vitest run src/formats/chat).
"""
import json, sys
from pathlib import Path

from transformers import PreTrainedTokenizerFast
from tokenizers import Tokenizer, models

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}

TEMPLATES = {
    # One text, roles as they are.
    "chatml": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    # SmolLM2's way: a system message of its own where none is given, asked inside of the loop.
    "smollm2": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a small model.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    # Llama 3's way: headers, trimmed contents, BOS before the first.
    "llama3": """{% set loop_messages = messages %}
{% for message in loop_messages %}
    {% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' %}
    {% if loop.index0 == 0 %}
        {% set content = bos_token + content %}
    {% endif %}
    {{- content }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
""",
    # Llama 3.1's: tests of what is defined, slices, a date given from outside, tools that are not there.
    "llama31": """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{#- A system message is taken out of the list. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {{- raise_exception("No tools here!") }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
""",
    # Qwen 2.5's and 3's: namespaces, a walk from the end, splits and strips of what was thought.
    "qwen3": """{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- for tool in tools %}
        {{- "\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "<|im_end|>\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and message.content is string and not(message.content.startswith('<answer>') and message.content.endswith('</answer>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if message.thought is string %}
            {%- set thought = message.thought %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or (not loop.last and thought)) %}
            {{- '<|im_start|>' + message.role + '\n<think>\n' + thought.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if thinking is defined and thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}
""",
    # Gemma's: no system message, roles that must take turns, another name for the assistant.
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
    # Mistral's: the system message inside of the first turn, filters over lists, a counter in a namespace.
    "mistral": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST]" + system_message + "\n\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST]" + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
""",
    # Macros, ~, dictionaries, break and continue, whitespace control by hand, the words of Phi and Zephyr.
    "macros": """{%- macro turn(role, content, end='<|end|>') -%}
    <|{{ role }}|>
{{ content }}{{ end }}
{% endmacro -%}
{%- set names = {'user': 'user', 'assistant': 'assistant', 'system': 'system'} -%}
{%- for message in messages -%}
    {%- if message.content | trim == '' -%}{%- continue -%}{%- endif -%}
    {{ turn(names[message.role], message.content) }}
    {%- if loop.index > 4 -%}{%- break -%}{%- endif -%}
{%- endfor -%}
{{ '<|assistant|>' ~ '\n' if add_generation_prompt else eos_token }}""",
    # The parts of an answer that are trained on are marked; filters upper, title, capitalize, replace, default, join, length, first, last.
    "filters": """{% for message in messages %}{% generation %}{{ message.role | upper }}/{{ message.role | title }}/{{ message.role | capitalize }}: {{ message.content | replace('e', '3') }}{{ '' if loop.last else ' | ' }}{% endgeneration %}{% endfor %}
{{ (messages | map(attribute='role') | join(', ')) }} {{ nothing | default('none given') }} {{ messages | length }} {{ (messages | first).role }} {{ (messages | last)['role'] }}
{{ ' -a- '.strip('- ') }}{{ 'xaxx'.rstrip('x') }}{{ 'xyxa'.lstrip('yx') }}{{ ' b '.strip() }}{{ ' c\n'.strip('\n').strip().lstrip('c') }}|
{{ {'text': messages[0].content, 'n': 1} | tojson }} {{ ['a', 1, true] | tojson }} {{ {'a': [1]} | tojson(indent=2) }}""",
}

CHATS = {
    "question": [{"role": "user", "content": "Why is the sky blue?"}],
    "system": [{"role": "system", "content": "Be brief.  "}, {"role": "user", "content": "  Why?\nSay. "}],
    "turns": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " Hello <b>\"there\"</b>! "}, {"role": "user", "content": "Grüß dich 😀 & 'so'"}],
    "thought": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nIt is four.\n</think>\n\n4"}, {"role": "user", "content": "Sure?"}],
    "thought and blanks": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\n  It is four. \n\n</think>\n\n  4 \n"}],
    "two users": [{"role": "user", "content": "One"}, {"role": "user", "content": "Two"}],
    "answered": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
    "blank": [{"role": "user", "content": " "}, {"role": "assistant", "content": "?"}],
}


def main(out, *more):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>")), **TOKENS)
    templates = {**TEMPLATES, **{Path(file).stem: Path(file).read_text() for file in more}}
    cases = []
    for name, template in templates.items():
        for chat, messages in CHATS.items():
            for prompted in (True, False):
                case = {"template": name, "chat": chat, "add_generation_prompt": prompted}
                try:
                    case["text"] = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=prompted)
                except Exception as refused:
                    case["refused"] = str(refused)
                cases.append(case)
    text = json.dumps({"special_tokens": TOKENS, "templates": templates, "chats": CHATS, "cases": cases}, ensure_ascii=False, indent=1)
    Path(out).write_text(text + "\n")


main(*sys.argv[1:])
