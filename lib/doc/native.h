#ifndef DOC_NATIVE_H
#define DOC_NATIVE_H

/*
 * json-c for this folder alone. Its types json_type and json_bool bear names
 * that functions of doc/json.h have too; they get others here. Those of ours
 * may be macros by themselves: so libstackflow renames what it exports.
 */
#pragma push_macro("json_type")
#pragma push_macro("json_bool")
#undef json_type
#undef json_bool
#define json_type native_type
#define json_bool native_bool
#include <json-c/json.h>
#pragma pop_macro("json_type")
#pragma pop_macro("json_bool")

#endif
