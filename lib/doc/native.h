#ifndef DOC_NATIVE_H
#define DOC_NATIVE_H

/*
 * json-c for this folder alone. Its types json_type and json_bool bear names
 * that functions of doc/json.h have too; they get others here.
 */
#define json_type native_type
#define json_bool native_bool
#include <json-c/json.h>
#undef json_type
#undef json_bool

#endif
